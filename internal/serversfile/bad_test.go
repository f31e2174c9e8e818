package serversfile_test

import (
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

func TestParse_eachMistakeIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "bad/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		servers, problems := serversfile.Parse(file, src)
		if jsondoc.HasErrors(problems) && len(servers.Entries) > 0 {
			t.Errorf("got %d entries of a file with errors, want none", len(servers.Entries))
		}
		return problems
	})
}

func TestCodes_eachHasABadFileAndIsDocumented(t *testing.T) { problemtest.EachCode(t) }
