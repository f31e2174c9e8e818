package locate_test

import (
	"testing"

	"gatehouse/testkit/problemtest"
)

func TestCodes_areDocumented(t *testing.T) {
	problemtest.EachCode(t, "rules-in-working-directory", "relative-path", "rules-file-writable", "servers-file-writable", "env-file-writable")
}
