//go:build unix

package main

import (
	"syscall"
	"testing"

	"gatehouse/testkit"
)

func TestOperator_gatewayThatDoesNotAnswer_isNotTakenForNone(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{})
	path := socketOf(t, g)
	g.Signal(t, syscall.SIGSTOP)
	defer g.Signal(t, syscall.SIGCONT)
	operate(t, g, "status").want(t, exitNo, "does not answer", path)
}
