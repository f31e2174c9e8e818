//go:build !unix

package main

// watchTerminal returns a function that always reports false: here no signal
// says that a terminal was closed.
func watchTerminal() (hungUp func() bool) { return func() bool { return false } }
