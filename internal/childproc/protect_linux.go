package childproc

import "golang.org/x/sys/unix"

// Protect keeps other processes of the same user from reading this one's
// memory, environment and descriptors, by ptrace or in /proc, and turns its
// core dumps off. Children are not protected. It reports whether the system
// can do that.
func Protect() bool {
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) == nil
}
