package jsondoc_test

import (
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/testkit/problemtest"
)

func TestParse_eachMistakeIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "bad/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		_, problems := jsondoc.Parse(file, src)
		if !jsondoc.HasErrors(problems) {
			t.Errorf("the file is accepted: got %v, want errors", problems)
		}
		return problems
	})
}

// No small file shows the others: each has a test of its own, and key-case a
// file where a format is read, as only its reader knows its keys.
func TestCodes_eachHasABadFileAndIsDocumented(t *testing.T) {
	problemtest.EachCode(t, "file-too-large", "too-many-problems", "key-case")
}
