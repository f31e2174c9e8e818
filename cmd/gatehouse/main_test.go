package main

import (
	"log"
	"os"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// TestMain lets this test binary be the gateway as well: see testkit.RunMain.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], "http://") { // It is the browser of a test.
		_, _ = testkit.Browse(os.Args[1]) // The login that waits for it says what is wrong.
		return
	}
	startsGateways = false // This program is the tests, which must not start themselves.
	os.Exit(testkit.RunMain(m, func() int {
		startsGateways = true
		useFolderRing(os.Getenv(folderRingVariable))
		testEnvironment = append(testkit.AsGateway(), folderRingVariable+"="+os.Getenv(folderRingVariable)) // For a gateway that attach starts.
		code := Main()
		if said := os.Getenv(libraryLogs); said != "" {
			log.Print(said)
		}
		afterMain()
		return code
	}))
}

// libraryLogs is what a library logs in a gateway that a test has started, at its end.
const libraryLogs = "GATEHOUSE_TEST_LIBRARY_LOGS"

// afterMain is called in a gateway that a test has started, at its end.
var afterMain = func() {}
