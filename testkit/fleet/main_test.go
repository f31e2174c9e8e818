package fleet_test

import (
	"os"
	"testing"

	"gatehouse/testkit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	testkit.CleanUp()
	os.Exit(code)
}
