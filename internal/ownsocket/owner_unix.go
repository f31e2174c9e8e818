//go:build unix

package ownsocket

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ownerOnly refuses a folder of somebody else's, or one that is open to
// others.
func ownerOnly(dir string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Getuid() {
		return fmt.Errorf("cannot use %s for a socket: it belongs to user %d", dir, st.Uid)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("cannot use %s for a socket: its mode is %04o, so others could reach in; chmod it to 0700", dir, perm)
	}
	return nil
}

// maxPath is the longest path of a socket: systems take 104 to 108 bytes.
const maxPath = 100
