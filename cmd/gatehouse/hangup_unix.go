//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// watchTerminal returns what tells a SIGHUP that comes because the terminal was
// closed from one that somebody sends: the gateway had a controlling terminal
// and has none any more. Under nohup, which ignores the signal, and without a
// terminal at the start, it is never true. It must be called before anything
// catches SIGHUP.
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
