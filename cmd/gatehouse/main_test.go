package main

import (
	"os"
	"testing"

	"gatehouse/testkit"
)

// TestMain lets this test binary be the gateway as well: see testkit.RunMain.
func TestMain(m *testing.M) {
	os.Exit(testkit.RunMain(m, func() int {
		testEnvironment = testkit.AsGateway() // For a gateway that attach starts.
		return Main()
	}))
}
