//go:build unix

package wire_test

import (
	"os"
	"testing"

	"gatehouse/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.RunBuilt(m)) }
