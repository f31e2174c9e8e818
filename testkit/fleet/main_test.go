package fleet_test

import (
	"os"
	"testing"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

func TestMain(m *testing.M) {
	code := kit.Run(m)
	testkit.CleanUp()
	os.Exit(code)
}
