//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// watchTerminal returns a function that reports whether a SIGHUP came because
// the terminal was closed and not because somebody sent it: the gateway had a
// controlling terminal and has lost it. Under nohup, which ignores the signal,
// and without a terminal at the start, it is never true. It must be called
// before anything catches SIGHUP.
func watchTerminal() (hungUp func() bool) {
	if signal.Ignored(syscall.SIGHUP) || !hasTerminal() {
		return func() bool { return false }
	}
	return func() bool { return !hasTerminal() }
}

// hasTerminal reports whether this process has a controlling terminal.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	_ = tty.Close() // It was only asked whether it is there.
	return true
}
