//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// hide has the terminal driver echo nothing.
func hide(f *os.File) (restore func(), err error) {
	var before *unix.Termios
	err = control(f, func(fd int) (err error) {
		before, err = unix.IoctlGetTermios(fd, getTermios)
		return err //nolint:wrapcheck // control does.
	})
	if err != nil {
		return nil, err
	}
	set := func(how uint, t unix.Termios) error {
		return control(f, func(fd int) error { return unix.IoctlSetTermios(fd, how, &t) })
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	if err := set(setTermios, hidden); err != nil {
		return nil, err
	}
	return func() { _ = set(flushTermios, *before) }, nil // Nobody is left to be told.
}

// control asks the terminal driver for something.
func control(f *os.File, do func(fd int) error) error {
	conn, err := f.SyscallConn() // Fd would make a file that does not block, block.
	if err != nil {
		return fmt.Errorf("cannot use the terminal: %w", err)
	}
	var failed error
	err = conn.Control(func(fd uintptr) { failed = do(int(fd)) })
	if err = cmp.Or(err, failed); err != nil {
		return fmt.Errorf("cannot use the terminal: %w", err)
	}
	return nil
}

// pause is how long nothing comes after the last of what is pasted, in milliseconds.
const pause = 100

// discard has the terminal driver forget what it has, in whatever lines, and what comes
// right behind it.
func discard(f *os.File) (more bool) {
	_ = control(f, func(fd int) error { // Whoever cannot is told nothing: there is no more then.
		before, err := unix.IoctlGetTermios(fd, getTermios)
		if err != nil {
			return err //nolint:wrapcheck // Nobody reads it.
		}
		raw := *before // It shows a line that has no end yet, too.
		raw.Lflag &^= unix.ICANON | unix.ECHO
		raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
		err = unix.IoctlSetTermios(fd, setTermios, &raw)
		for range 50 { // Somebody may hold a key down.
			if err != nil || !waits(fd) {
				break
			}
			more = true
			err = unix.IoctlSetTermios(fd, flushTermios, &raw)
		}
		return unix.IoctlSetTermios(fd, flushTermios, before)
	})
	return more
}

// waits reports whether a terminal has something to read, or soon has.
func waits(fd int) bool {
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // Descriptors are small.
		_, err := unix.Poll(fds, pause)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && fds[0].Revents&unix.POLLIN != 0
		}
	}
}
