//go:build unix

package main

import (
	"io"
	"os"
	"syscall"
)

// pollable gives an input that the runtime polls, if in is a pipe or a socket: a
// thread that blocks in a read would have to be woken, and to wake another, for
// every message. A terminal and a file stay as they are. restore must be called
// when nobody reads any more: who shares the input finds it as it was.
func pollable(in io.Reader) (polled io.Reader, restore func()) {
	f, ok := in.(*os.File)
	if !ok {
		return in, func() {}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return in, func() {}
	}
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return in, func() {}
	}
	syscall.CloseOnExec(fd)
	_ = syscall.SetNonblock(fd, true)         // If not, it is read as before.
	next := os.NewFile(uintptr(fd), f.Name()) // Finds that it does not block, and polls it.
	return next, func() {
		_ = syscall.SetNonblock(fd, false) // It is what the other descriptors share.
		_ = next.Close()
	}
}
