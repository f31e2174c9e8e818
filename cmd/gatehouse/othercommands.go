package main

import "gatehouse/internal/shellword"

// statusCommand is the command that says more of a server.
func statusCommand(server string) string { return shellword.Command("gatehouse status", "", server) }

// releaseCommand is the command that has a server tried at once.
func releaseCommand(server string) string { return shellword.Command("gatehouse release", "", server) }
