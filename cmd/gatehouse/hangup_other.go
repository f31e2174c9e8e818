//go:build !unix

package main

// watchTerminal returns what is never true: no signal says that a terminal was
// closed.
func watchTerminal() (hungUp func() bool) { return func() bool { return false } }
