//go:build unix

package main

import (
	"syscall"
	"time"
)

// burn uses this much processor time.
func burn(d time.Duration) {
	for used() < d {
	}
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
