package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/config"
)

func TestParseRules_eachMistakeIsSaidInWords(t *testing.T) {
	for path, src := range corpus(t, "rules-bad/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, problems := config.ParseRules(filepath.Base(path), src)
			if !config.HasErrors(problems) {
				t.Error("the file is accepted")
			}
			checkProblems(t, src, problems)
			golden(t, wanted(path), problemText(problems))
		})
	}
}

func TestCrossCheck_eachDoubtIsSaidInWords(t *testing.T) {
	for path, src := range corpus(t, "rules-warn/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			rules, problems := config.ParseRules(filepath.Base(path), src)
			if len(problems) > 0 {
				t.Fatalf("the rules by themselves have problems: %v", problems)
			}
			defaultAgent := ""
			switch name := filepath.Base(path); {
			case strings.HasPrefix(name, "default-agent-missing"), strings.HasPrefix(name, "default-agent-unused"):
				defaultAgent = "nobody"
			case strings.HasPrefix(name, "default-agent-"):
				defaultAgent = "a"
			}
			problems = config.CrossCheck(rules, []string{"files", "db"}, defaultAgent)
			if config.HasErrors(problems) {
				t.Error("a doubt is an error")
			}
			checkProblems(t, src, problems)
			golden(t, wanted(path), problemText(problems))
		})
	}
}

func TestLint_eachUselessRuleIsSaidInWords(t *testing.T) {
	for path, src := range corpus(t, "rules-lint/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			rules, problems := config.ParseRules(filepath.Base(path), src)
			if len(problems) > 0 {
				t.Fatalf("the rules by themselves have problems: %v", problems)
			}
			problems = config.Lint(rules)
			if config.HasErrors(problems) {
				t.Error("a doubt is an error")
			}
			checkProblems(t, src, problems)
			golden(t, wanted(path), problemText(problems))
		})
	}
}

func TestParsePolicyTests_eachMistakeIsSaidInWords(t *testing.T) {
	readFile := func(path string) ([]byte, error) {
		src, err := os.ReadFile(filepath.Join("testdata", "rules-bad", path))
		if err != nil {
			return nil, errors.New("no such file") // the same on every system
		}
		return src, nil
	}
	for path, src := range corpus(t, "rules-test-bad/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			tests, problems := config.ParsePolicyTests(filepath.Base(path), src, readFile)
			if !config.HasErrors(problems) || tests != nil {
				t.Error("the file is accepted")
			}
			checkProblems(t, src, problems)
			golden(t, wanted(path), problemText(problems))
		})
	}
}

func wanted(path string) string { return strings.TrimSuffix(path, ".json") + ".want" }

// That each code is explained in docs/errors.md is checked for all files of
// the package in one place.
func TestCodes_ofRules_eachHasAFile(t *testing.T) {
	var shown strings.Builder
	for _, want := range corpus(t, "rules-*/*.want") {
		shown.Write(want)
	}
	mine := codes(t, func(file string) bool { return strings.HasPrefix(file, "rules") })
	for name, code := range mine {
		if code == config.CodeLintIncomplete {
			continue // It takes a big file; there is a test of its own.
		}
		if !strings.Contains(shown.String(), "["+code+"]") {
			t.Errorf("no golden file shows %s (%s)", name, code)
		}
	}
	if len(mine) < 10 {
		t.Errorf("found only %d codes: has the naming changed?", len(mine))
	}
}
