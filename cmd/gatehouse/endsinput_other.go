//go:build !unix

package main

import (
	"os"
	"syscall"
)

// endsInput are the signals that end a command which reads what is typed.
var endsInput = []os.Signal{os.Interrupt, syscall.SIGTERM}
