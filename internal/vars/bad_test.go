package vars_test

import (
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/vars"
	"gatehouse/testkit/problemtest"
)

func TestParseDotenv_eachMistakeIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "dotenv-bad/*.env", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		values, problems := vars.ParseDotenv(file, src)
		if jsondoc.HasErrors(problems) && values != nil {
			t.Errorf("got %d values of a file with errors, want none", len(values))
		}
		return problems
	})
}

func TestCodes_eachHasABadFileAndIsDocumented(t *testing.T) { problemtest.EachCode(t) }
