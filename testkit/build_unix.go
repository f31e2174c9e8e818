//go:build unix

package testkit

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
)

// RunBuilt is RunMain for tests outside of package main: the gateway that
// they start is the one that Built builds.
func RunBuilt(m *testing.M) int {
	startsBuilt = true
	return RunMain(m, becomeGateway)
}

// becomeGateway replaces this process, a copy of the test binary, by the
// gateway: same process id, same pipes.
func becomeGateway() int {
	path := os.Getenv(binaryVariable)
	err := syscall.Exec(path, slices.Concat([]string{path}, os.Args[1:]), os.Environ())
	fmt.Fprintf(os.Stderr, "cannot run %s: %v\n", path, err)
	return 1
}

// Built is what Options.Env needs for a gateway under RunBuilt: see Binary.
func Built(t testing.TB) string {
	t.Helper()
	return binaryVariable + "=" + Binary(t)
}

// BuiltWithRace is Built for a gateway with the race detector.
func BuiltWithRace(t testing.TB) string {
	t.Helper()
	return binaryVariable + "=" + raced.built(t)
}
