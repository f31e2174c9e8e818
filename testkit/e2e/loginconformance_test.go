//go:build unix

package e2e_test

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// loginRevisions are the columns of the table of authorization scenarios.
var loginRevisions = []string{"2025-03-26", "2025-06-18", legacy, stateless}

// TestConformance_authorization has the official suite play an authorization
// server and a server behind it, and compares with docs/CONFORMANCE.md.
func TestConformance_authorization(t *testing.T) {
	page, port := readLoginPage(t), turns(t)
	for _, revision := range loginRevisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel() // Some scenarios wait, for a pause after a refusal.
			outcome := runClientSuite(t, revision, port)
			for name := range outcome {
				if !slices.ContainsFunc(page, func(s scenario) bool { return s.name == name }) {
					t.Errorf("docs/CONFORMANCE.md does not name %s", name)
				}
			}
			for _, s := range page {
				s.judge(t, revision, outcome, nil)
			}
		})
	}
}

// atOnce is how many clients of the suite may run at a time. It starts a hundred, and
// to read metadata a gateway takes ten seconds at most.
const atOnce = 12

// turns returns a port at which clients wait for their turn, which is told by a byte and
// lasts until the connection ends.
func turns(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	free := make(chan struct{}, atOnce)
	go func() { // Ends with the listener.
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // Ends with the client.
				defer client.Close()
				free <- struct{}{}
				defer func() { <-free }()
				if _, err := client.Write([]byte{'.'}); err == nil {
					_, _ = client.Read(make([]byte, 1))
				}
			}()
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// runClientSuite runs all authorization scenarios of a revision and returns what
// came of them.
func runClientSuite(t *testing.T, revision, turns string) map[string]checks {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*testkit.Patience)
	defer cancel()
	client := node(t) + " " + testdata(t, "conformance", "client.mjs")
	cmd, stderr := command(ctx, t, node(t), suite(t, "client", "--command", client, "--suite", "all",
		"--spec-version", revision, "--timeout", "600000", "--output-dir", dir)...)
	// The path of a socket may have a hundred bytes or so: too few for a test's folder.
	cmd.Env = append(cmd.Env, "GATEHOUSE="+testkit.Binary(t), "TURNS="+turns, "TMPDIR="+os.TempDir())
	stdout, err := cmd.Output() // It fails if a scenario does; the page says which may.
	outcome := map[string]checks{}
	files, globErr := filepath.Glob(filepath.Join(dir, "auth", "*", "checks.json"))
	if globErr != nil || len(files) == 0 {
		t.Fatalf("the suite left no results: %v\n%s%s", err, stdout, stderr)
	}
	folder := regexp.MustCompile(`^(.+?)-\d{4}-\d\d-\d\dT`)
	for _, file := range files {
		name := folder.FindStringSubmatch(filepath.Base(filepath.Dir(file)))
		if name == nil {
			t.Fatalf("cannot use %s, want a folder with a time", file)
		}
		outcome["auth/"+name[1]] = readChecks(t, file)
		t.Cleanup(func() { // When it has been judged.
			if t.Failed() && len(outcome["auth/"+name[1]].failed()) > 0 || os.Getenv("GATEHOUSE_TEST_LOG") != "" {
				said, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "stdout.txt"))
				t.Logf("%s: %s", name[1], said)
			}
		})
	}
	return outcome
}

// readLoginPage reads the table of authorization scenarios of docs/CONFORMANCE.md.
func readLoginPage(t *testing.T) (out []scenario) {
	t.Helper()
	for _, cells := range readRows(t, len(loginRevisions)+2, func(name string) bool { return strings.HasPrefix(name, "auth/") }) {
		s := scenario{name: cells[0], words: map[string]string{}, note: cells[len(cells)-1]}
		for i, revision := range loginRevisions {
			s.words[revision] = cells[i+1]
		}
		out = append(out, s)
	}
	return out
}

// TestConformance_pageNamesAllAuthorizationScenarios compares the page with the
// suite's own list, extensions apart.
func TestConformance_pageNamesAllAuthorizationScenarios(t *testing.T) {
	known := map[string]string{}
	row := regexp.MustCompile(`(?m)^  - (auth/\S+) \[(.*)\]$`)
	for _, m := range row.FindAllStringSubmatch(string(output(t, node(t), suite(t, "list", "--client")...)), -1) {
		known[m[1]] = m[2]
	}
	for _, s := range readLoginPage(t) {
		revisions, ok := known[s.name]
		if !ok {
			t.Errorf("docs/CONFORMANCE.md names %s, which the suite does not know, or names it twice", s.name)
		}
		delete(known, s.name)
		s.check(t, revisions)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		t.Errorf("docs/CONFORMANCE.md does not name %s [%s]", name, known[name])
	}
}
