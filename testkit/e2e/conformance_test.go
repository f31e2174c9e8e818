//go:build unix

package e2e_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// TestConformance_doesWhatThePageSays runs the official suite and compares with
// docs/CONFORMANCE.md.
func TestConformance_doesWhatThePageSays(t *testing.T) {
	page := readConformancePage(t)
	direct := conformanceGateway(t)
	adapter := adapt(t, direct)
	for _, revision := range []string{legacy, stateless} {
		t.Run(revision, func(t *testing.T) {
			outcome := runSuite(t, direct, revision)
			adapted := runSuite(t, adapter, revision)
			for _, s := range page {
				s.judge(t, revision, outcome, adapted)
			}
		})
	}
}

// conformanceGateway starts a gateway before the server of the suite's tools,
// and returns its address.
func conformanceGateway(t *testing.T) string {
	t.Helper()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"conformance": {
			"command": node(t), "args": []string{testdata(t, "conformance", "server.mjs")},
		}}.JSON(),
		Rules: testkit.AllowAll("agent"),
		Args:  []string{"--agent", "agent"},
		Env:   []string{testkit.Built(t)},
	})
	g.Await(t, "server ready")
	return g.BaseURL(t)
}

// suite is the command line of the conformance suite.
func suite(t *testing.T, args ...string) []string {
	t.Helper()
	return append([]string{npmFile(t, "@modelcontextprotocol", "conformance", "dist", "index.js")}, args...)
}

// checks are what the suite found in one scenario.
type checks []check

type check struct{ ID, Status, ErrorMessage string }

// failed returns the reasons of the checks that did not pass, by their ids. A
// warning, which is a "should", counts as well.
func (c checks) failed() map[string]string {
	out := map[string]string{}
	for _, check := range c {
		if check.Status == "FAILURE" || check.Status == "WARNING" {
			out[check.ID] = check.ErrorMessage
		}
	}
	return out
}

// proves reports whether any check of the scenario's own has passed.
func (c checks) proves() bool {
	for _, check := range c {
		if check.Status == "SUCCESS" && check.ID != "wire-schema-valid" {
			return true
		}
	}
	return false
}

// runSuite runs all scenarios of a revision and gives what came of them. That
// some fail, and with them the suite, is the caller's business.
func runSuite(t *testing.T, base, revision string) map[string]checks {
	t.Helper()
	dir := t.TempDir()
	stdout, stderr, err := run(t, node(t), suite(t, "server",
		"--url", base+"/mcp", "--suite", "all", "--spec-version", revision, "--output-dir", dir)...)
	files, globErr := filepath.Glob(filepath.Join(dir, "server-*", "checks.json"))
	if globErr != nil || len(files) == 0 {
		t.Fatalf("the suite left no results: %v\n%s%s", err, stdout, stderr)
	}
	folder := regexp.MustCompile(`^server-(.+?)-\d{4}-\d\d-\d\dT`)
	out := map[string]checks{}
	for _, file := range files {
		name := folder.FindStringSubmatch(filepath.Base(filepath.Dir(file)))
		if name == nil {
			t.Fatalf("cannot use %s, want a folder with a time", file)
		}
		out[name[1]] = readChecks(t, file)
	}
	return out
}

func readChecks(t *testing.T, file string) (c checks) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatalf("cannot read %s: %v", file, err)
	}
	return c
}

// scenario is one row of the page.
type scenario struct {
	name  string
	words map[string]string // by revision: what is said of it; "" where it is not part of it
	asIs  string            // what is said of it on the surface of one server
	note  string
}

// names returns the checks that the note names.
func (s scenario) names() []string {
	var out []string
	for _, m := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(s.note, -1) {
		out = append(out, m[1])
	}
	return out
}

// judge compares a scenario's outcome with what the page says.
func (s scenario) judge(t *testing.T, revision string, direct, adapted map[string]checks) {
	t.Helper()
	word := s.words[revision]
	got, ran := direct[s.name]
	if word == "adapter" {
		got, ran = adapted[s.name]
	}
	s.judgeBy(t, word, got, ran)
}

// judgeBy compares the checks of a scenario with the word of the page.
func (s scenario) judgeBy(t *testing.T, word string, got checks, ran bool) {
	t.Helper()
	if word == "" || word == "no" {
		return
	}
	if !ran || !got.proves() {
		t.Errorf("%s did not run, or shows nothing: %v", s.name, got)
	}
	var named []string
	if word == "partly" {
		named = s.names()
	}
	failed := got.failed()
	for id, why := range failed {
		if !slices.Contains(named, id) {
			t.Errorf("%s: %s fails: %s, want it named in the note of docs/CONFORMANCE.md", s.name, id, why)
		}
	}
	for _, id := range named {
		if _, ok := failed[id]; !ok {
			t.Errorf("%s: %s passes, so the note in docs/CONFORMANCE.md must not name it", s.name, id)
		}
	}
}

// readConformancePage reads the table of server scenarios of
// docs/CONFORMANCE.md.
func readConformancePage(t *testing.T) (out []scenario) {
	t.Helper()
	for _, cells := range readRows(t, 5, func(name string) bool { return !strings.HasPrefix(name, "auth/") }) {
		out = append(out, scenario{
			name:  cells[0],
			words: map[string]string{legacy: cells[1], stateless: cells[2]},
			asIs:  cells[3],
			note:  cells[4],
		})
	}
	return out
}

// readRows reads the rows of docs/CONFORMANCE.md that begin with a name that
// fits; they must have so many cells.
func readRows(t *testing.T, width int, fits func(name string) bool) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "CONFORMANCE.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] = strings.Trim(cells[0], "`"); !fits(cells[0]) {
			continue
		}
		if len(cells) != width {
			t.Fatalf("docs/CONFORMANCE.md: a row with %d cells: %s, want %d", len(cells), line, width)
		}
		rows = append(rows, cells)
	}
	return rows
}

// TestConformance_pageNamesAllThatTheSuiteKnows compares the page with the
// suite's own list.
func TestConformance_pageNamesAllThatTheSuiteKnows(t *testing.T) {
	known := map[string]string{} // the revisions of each scenario
	row := regexp.MustCompile(`(?m)^  - (\S+) \[(.*)\]$`)
	for _, m := range row.FindAllStringSubmatch(string(output(t, node(t), suite(t, "list", "--server")...)), -1) {
		known[m[1]] = m[2]
	}
	page := readConformancePage(t)
	for _, s := range page {
		revisions, ok := known[s.name]
		if !ok {
			t.Errorf("docs/CONFORMANCE.md names %s, which the suite does not know, or names it twice", s.name)
		}
		delete(known, s.name)
		s.check(t, revisions)
		s.checkAsIs(t)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		t.Errorf("docs/CONFORMANCE.md does not name %s [%s]", name, known[name])
	}
}

// check compares a row with the revisions that the suite has the scenario in,
// and wants a reason for all that does not pass.
func (s scenario) check(t *testing.T, revisions string) {
	t.Helper()
	whole := true
	for revision, word := range s.words {
		part := strings.Contains(revisions, revision)
		if part != (word != "") {
			t.Errorf("%s is in %s: docs/CONFORMANCE.md says %q of %s, want %v", s.name, revisions, word, revision, part)
		}
		if !slices.Contains([]string{"", "passes", "partly", "adapter", "no"}, word) {
			t.Errorf("%s: %q is not a word of docs/CONFORMANCE.md", s.name, word)
		}
		whole = whole && (word == "passes" || word == "adapter" || word == "")
	}
	whole = whole && s.asIs != "no" && cmp.Or(s.words[legacy], s.words[stateless]) != ""
	if !whole && s.note == "" {
		t.Errorf("%s: docs/CONFORMANCE.md gives no reason", s.name)
	}
}

// checkAsIs wants a word of the surface of one server for what is part of a
// revision.
func (s scenario) checkAsIs(t *testing.T) {
	t.Helper()
	if part := cmp.Or(s.words[legacy], s.words[stateless]) != ""; part != (s.asIs != "") || !slices.Contains([]string{"", "passes", "no"}, s.asIs) {
		t.Errorf("%s: docs/CONFORMANCE.md says %q of the surface of one server, want passes or no, if it is part of a revision", s.name, s.asIs)
	}
}
