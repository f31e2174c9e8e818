//go:build unix

package descriptors

import (
	"errors"
	"syscall"
)

// Scarce reports whether something failed only because descriptors or memory
// are short, so that it is worth another try.
func Scarce(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// Limit is how many descriptors the process may have, at least 64 and at most a
// million.
func Limit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(max(limit.Cur, 64), 1_000_000))
}
