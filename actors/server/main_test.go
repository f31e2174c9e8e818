package server_test

import (
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"gatehouse/testkit"
)

// instance is that of the gateways of these tests. Another run of them beside this one
// ends what has its marks, so they must not have the same.
var instance = strconv.Itoa(os.Getpid())

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		testkit.CleanUp()
		os.Exit(code)
	}))
}
