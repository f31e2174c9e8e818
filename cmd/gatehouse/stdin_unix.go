//go:build unix

package main

import (
	"io"
	"os"
	"slices"
	"syscall"
)

// pollable returns an input that the runtime polls, if in is a pipe or a
// socket: a thread that blocks in a read would have to be woken, and wake
// another, for every message. Terminals and files are returned as they are. So
// is a socket that is one of the outputs as well: writes to it would fail
// whenever it is full. restore must be called once nobody needs the input any
// more, so that others who share it find it as it was.
func pollable(in io.Reader, outputs ...io.Writer) (polled io.Reader, restore func()) {
	f, ok := in.(*os.File)
	if !ok {
		return in, func() {}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 || isOneOf(info, outputs) {
		return in, func() {}
	}
	fd, err := dup(f)
	if err != nil {
		return in, func() {}
	}
	_ = syscall.SetNonblock(fd, true)         // If not, it is read as before.
	next := os.NewFile(uintptr(fd), f.Name()) // Finds that it does not block, and polls it.
	return next, func() {
		_ = next.Close()                            // First: this waits for a read, which must not block.
		_ = syscall.SetNonblock(int(f.Fd()), false) // It is what all descriptors of the input share.
	}
}

// dup returns a second descriptor. A server that is started meanwhile gets no
// copy of it.
func dup(f *os.File) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(int(f.Fd()))
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err //nolint:wrapcheck // Nobody reads it.
}

// isOneOf reports whether a file is also one of the outputs.
func isOneOf(file os.FileInfo, outputs []io.Writer) bool {
	return slices.ContainsFunc(outputs, func(w io.Writer) bool {
		f, ok := w.(*os.File)
		if !ok {
			return false
		}
		info, err := f.Stat()
		return err == nil && os.SameFile(file, info)
	})
}
