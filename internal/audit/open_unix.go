//go:build unix

package audit

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonblocking keeps the opening of a named pipe from waiting for its reader,
// noFollow that of a link from following it.
const (
	nonblocking = syscall.O_NONBLOCK | syscall.O_NOCTTY
	noFollow    = syscall.O_NOFOLLOW
)

// ownAlone returns an error unless the file is this user's and has one name.
func ownAlone(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok: // A test's own.
		return nil
	case int(st.Uid) != os.Geteuid():
		return errors.New("it belongs to another user")
	case st.Nlink > 1:
		return errors.New("it has another name, too (a hard link)")
	default:
		return nil
	}
}
