package main

import (
	"errors"
	"os"
	"strconv"

	"gatehouse/internal/childproc"
	"gatehouse/internal/safefile"
)

// notBehindAGateway returns an error if this process was started by a server
// of a gateway, as far as that can be told: by its own environment, by those of
// the processes above it, and by the sockets of gateways among these.
func notBehindAGateway() error {
	refused := errors.New("this command was started by a server of a gateway; run it in a terminal of your own")
	if os.Getenv(parentVariable) != "" || os.Getenv(childproc.InstanceVariable) != "" {
		return refused
	}
	above, _ := childproc.Ancestors(os.Getpid())
	for _, a := range above {
		if a.Marked || isGateway(a.PID) {
			return refused
		}
	}
	return nil
}

// isGateway reports whether there is a socket of a gateway with this process
// id.
func isGateway(pid int) bool {
	for _, dir := range adminDirs() {
		if len(safefile.Glob(dir, strconv.Itoa(pid)+"[.-]*sock")) > 0 {
			return true
		}
	}
	return false
}
