package locate_test

import (
	"testing"

	"gatehouse/testkit/problemtest"
)

func TestCodes_areDocumented(t *testing.T) {
	problemtest.EachCode(t, "rules-in-working-directory", "rules-file-writable")
}
