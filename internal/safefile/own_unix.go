//go:build unix

package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openOwn opens path for reading as openNonblocking does, but no symbolic link.
func openOwn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &NotOwn{Path: path, Why: "it is a symbolic link"}
	}
	return f, err
}

// notOwn says why others may have written to something; empty if they cannot
// have. single asks that it has no other name.
func notOwn(info fs.FileInfo, single bool) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && int(st.Uid) != os.Geteuid():
		return fmt.Sprintf("it belongs to user %d", st.Uid)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Sprintf("its mode is %04o, so others may write to it; chmod go-w", info.Mode().Perm())
	case single && ok && st.Nlink > 1:
		return "it has another name as well (a hard link)"
	}
	return ""
}

// Foreign reports whether something belongs to another user than this one and
// root.
func Foreign(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid != 0 && int(st.Uid) != os.Geteuid()
}
