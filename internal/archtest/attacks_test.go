package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	testNamed = regexp.MustCompile("`((?:Test|Fuzz)\\w+)(?:/\\w+)?`")
	otherWays = regexp.MustCompile("`(?:make [a-z-]+|serversfile)")
)

// Each attack of the table has what shows what becomes of it, and that is there.
func TestAttacks_areShownByTestsThatAreThere(t *testing.T) {
	root := repository(t)
	there := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllSubmatch(src, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(read(t, root, "docs", "SECURITY.md"), "## Attacks\n")
	rows := 0
	for row := range strings.Lines(table) {
		cells := strings.Split(row, " | ")
		if !found || !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| Attack |") {
			continue
		}
		rows++
		names := testNamed.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(names) == 0 && !otherWays.MatchString(row) {
			t.Errorf("nothing shows what becomes of it: %s", row)
		}
		for _, name := range names {
			if !there[name[1]] {
				t.Errorf("there is no %s, which should show: %s", name[1], cells[0])
			}
		}
	}
	if rows < 150 {
		t.Errorf("docs/SECURITY.md has %d attacks, want all of them", rows)
	}
}

// The policy of the repository says how to report, who is trusted, and what is in scope.
func TestSecurityPolicy_hasAThreatModel(t *testing.T) {
	policy := read(t, repository(t), "SECURITY.md")
	for _, heading := range []string{"## Report a vulnerability", "## Threat model", "### Who is trusted with what", "### In scope", "### Out of scope"} {
		if !strings.Contains(policy, "\n"+heading+"\n") {
			t.Errorf("SECURITY.md has no part %q", heading)
		}
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
