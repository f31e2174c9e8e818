//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package terminal

import (
	"cmp"
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
	set := func(t unix.Termios) error {
		return control(f, func(fd int) error { return unix.IoctlSetTermios(fd, setTermios, &t) })
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	if err := set(hidden); err != nil {
		return nil, err
	}
	return func() { _ = set(*before) }, nil // Nobody is left to be told.
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

// typedInto reports whether f is a terminal.
func typedInto(f *os.File) bool {
	_, is := size(f)
	return is
}
