//go:build unix

package main

import (
	"os"
	"syscall"
)

// freeze stops this process, as if it hung.
func freeze(*call) []byte {
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // Nobody is left to be told.
	return nil
}
