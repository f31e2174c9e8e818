package locate_test

import (
	"testing"

	"gatehouse/internal/locate"
	"gatehouse/testkit/problemtest"
)

func TestCodes_areDocumented(t *testing.T) {
	problemtest.EachCode(t, locate.CodeInWorkDir, locate.CodeWritable)
}
