//go:build linux

package chaos_test

import (
	"os"
	"testing"

	"gatehouse/testkit"
)

func TestMain(m *testing.M) {
	becomeAttacker()
	os.Exit(testkit.RunBuilt(m))
}

// gateway is the environment with which the harness runs the built gateway,
// with the race detector if the tests have it.
func gateway(t *testing.T) string {
	t.Helper()
	if raceDetector {
		return testkit.BuiltWithRace(t)
	}
	return testkit.Built(t)
}
