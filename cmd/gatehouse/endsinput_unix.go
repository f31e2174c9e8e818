//go:build unix

package main

import (
	"os"
	"syscall"
)

// endsInput are the signals that end a command which reads what is typed: those that would
// end or stop it and leave the terminal without echo.
var endsInput = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP}
