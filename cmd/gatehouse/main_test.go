package main

import (
	"os"
	"testing"

	"gatehouse/testkit"
)

// TestMain lets this test binary be the gateway as well: see testkit.RunMain.
func TestMain(m *testing.M) {
	startsGateways = false // This program is the tests, which must not start themselves.
	os.Exit(testkit.RunMain(m, func() int {
		startsGateways = true
		testEnvironment = testkit.AsGateway() // For a gateway that attach starts.
		return Main()
	}))
}
