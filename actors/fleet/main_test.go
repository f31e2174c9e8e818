package fleet_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"gatehouse/testkit"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		testkit.CleanUp()
		os.Exit(code)
	}))
}
