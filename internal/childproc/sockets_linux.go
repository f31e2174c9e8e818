package childproc

import (
	"os"
	"strconv"
)

// HoldsSocket reports whether a process below this one has the socket of that
// inode open. It reads the descriptors of all of them, so it is for what is rare.
func HoldsSocket(inode uint64) bool {
	self, ok := readProc(os.Getpid())
	if !ok {
		return false
	}
	name := "socket:[" + strconv.FormatUint(inode, 10) + "]"
	for _, p := range descendants(self) {
		if holds(p.pid, name) {
			return true
		}
	}
	return false
}

// holds reports whether a process has something of that name open.
func holds(pid int, name string) bool {
	folder := "/proc/" + strconv.Itoa(pid) + "/fd/"
	dir, err := os.Open(folder)
	if err != nil {
		return false // It has ended, or is another user's.
	}
	defer closeAll(dir)
	names, _ := dir.Readdirnames(-1) // What was read before an error still counts.
	for _, n := range names {
		if to, err := os.Readlink(folder + n); err == nil && to == name {
			return true
		}
	}
	return false
}
