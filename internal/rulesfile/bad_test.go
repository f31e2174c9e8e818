package rulesfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/testkit/problemtest"
)

func TestParseRules_eachMistakeIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "bad/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		_, problems := rulesfile.ParseRules(file, src)
		if !jsondoc.HasErrors(problems) {
			t.Errorf("the file is accepted: got %v, want errors", problems)
		}
		return problems
	})
}

func TestCrossCheck_eachDoubtIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "crosscheck/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		rules := withoutProblems(t, file, src)
		defaultAgent := ""
		switch {
		case strings.HasPrefix(file, "default-agent-missing"), strings.HasPrefix(file, "default-agent-unused"):
			defaultAgent = "nobody"
		case strings.HasPrefix(file, "default-agent-"):
			defaultAgent = "a"
		}
		return doubts(t, rulesfile.CrossCheck(rules, []string{"files", "db"}, defaultAgent))
	})
}

func TestLint_eachUselessRuleIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "lint/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		return doubts(t, rulesfile.Lint(withoutProblems(t, file, src)))
	})
}

// withoutProblems parses rules that are fine by themselves.
func withoutProblems(t *testing.T, file string, src []byte) policy.Rules {
	t.Helper()
	rules, problems := rulesfile.ParseRules(file, src)
	if len(problems) > 0 {
		t.Fatalf("the rules by themselves have problems: got %v, want none", problems)
	}
	return rules
}

// doubts returns the problems, which must not be errors.
func doubts(t *testing.T, problems []jsondoc.Problem) []jsondoc.Problem {
	t.Helper()
	if jsondoc.HasErrors(problems) {
		t.Errorf("a doubt is an error: got %v, want warnings and infos", problems)
	}
	return problems
}

func TestParseTests_eachMistakeIsSaidInWords(t *testing.T) {
	readFile := func(path string) ([]byte, error) {
		src, err := os.ReadFile(filepath.Join("testdata", "bad", path))
		if err != nil {
			return nil, errors.New("no such file") // the same on every system
		}
		return src, nil
	}
	problemtest.EachFile(t, "policytests-bad/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		tests, problems := rulesfile.ParseTests(file, src, readFile)
		if !jsondoc.HasErrors(problems) || tests != nil {
			t.Errorf("the file is accepted: got %v, want errors", problems)
		}
		return problems
	})
}

// No small file shows the others: each has a test of its own.
func TestCodes_eachHasABadFileAndIsDocumented(t *testing.T) {
	problemtest.EachCode(t, "rules-too-many-tokens", "rules-too-many-rules", "rules-no-credential-left", "rules-lint-incomplete")
}
