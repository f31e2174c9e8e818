package archtest_test

import (
	"go/ast"
	"os"
	"slices"
	"strings"
	"testing"
)

// pure are the packages that compute and do nothing else.
var pure = []string{
	"internal/identity", "internal/jsondoc", "internal/locate", "internal/policy", "internal/policydiff", "internal/rawjson",
	"internal/redact", "internal/resolve", "internal/restart", "internal/rulesfile", "internal/serversfile", "internal/suggest",
	"internal/textcut", "internal/vars",
}

// vocabulary are packages that pure ones may import for their types: they keep
// state, but have no effects.
var vocabulary = []string{"internal/endpoint"}

// impure are the packages that pure ones may not import: they do something, or
// give an answer that differs from one call to the next.
var impure = []string{
	"crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os",
	"os/exec", "os/signal", "os/user", "runtime/debug", "syscall",
}

// clockFuncs are what pure packages may not use of package time.
var clockFuncs = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// home is where an outside library may be imported, tests apart, and why.
type home struct {
	library string // an import path, or the beginning of one
	folders []string
	why     string
}

var homes = []home{
	{"github.com/asynkron/protoactor-go", []string{"actors", "cmd", "supervisor", "testkit"}, "only actors know the actor system"},
	{"github.com/fsnotify/fsnotify", []string{"internal/filewatch"}, "it has traps; one package knows them"},
	{"github.com/go-jose/go-jose", []string{"internal/identity"}, "one package decides what a signature proves"},
	{"github.com/lmittmann/tint", []string{"internal/logging"}, "logging is set up in one place"},
	{"github.com/mark3labs/mcp-go", []string{"internal/mcpedge", "testkit"}, "results must pass as raw JSON, not through its types"},
	{"github.com/spf13/", []string{"cmd"}, "the command line is cmd's"},
	{"github.com/tailscale/hujson", []string{"internal/jsondoc"}, "our own checks run before it"},
	{"golang.org/x/sys", []string{"internal/admin", "internal/audit", "internal/childproc", "internal/filewatch", "internal/safefile", "internal/terminal"}, "system calls stay at the edges"},
	{"os/exec", []string{"internal/childproc", "testkit"}, "one package owns processes, their groups and their reaping"},
	{"github.com/google/go-cmp", []string{"testkit"}, "it is for tests"},
	{"github.com/rogpeppe/go-internal", []string{"testkit"}, "it is for tests"},
	{"github.com/santhosh-tekuri/jsonschema", []string{"testkit"}, "it is for tests"},
	{"github.com/tiktoken-go/tokenizer", []string{"testkit"}, "it is for tests"},
	{"go.uber.org/goleak", []string{"testkit"}, "it is for tests"},
}

// forbidden are arrows between our own packages, tests apart.
var forbidden = []struct {
	from, to []string
	why      string
}{
	{[]string{"messages"}, []string{"actors", "cmd", "supervisor"}, "messages are data"},
	{[]string{"supervisor"}, []string{"actors"}, "cmd hands it a function that makes the actors"},
	{[]string{"internal"}, []string{"actors", "cmd", "messages", "supervisor"}, "edges and pure packages don't know the actors"},
	{[]string{"actors", "supervisor"}, []string{"cmd"}, "cmd is where everything is wired, and nothing else"},
}

func TestArrows_ownPackages_pointOnlyWhereThePlanSays(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.in("testkit") {
			continue
		}
		for _, path := range s.imports() {
			to, ok := own(path)
			if !ok {
				continue
			}
			for _, rule := range forbidden {
				if s.in(rule.from...) && within(to, rule.to...) {
					t.Errorf("%s imports %s: %s", s.path, path, rule.why)
				}
			}
			if from, ok := actorPackage(s.dir); ok {
				if other, ok := actorPackage(to); ok && other != from {
					t.Errorf("%s imports %s: actors meet in messages, never each other", s.path, path)
				}
			}
		}
	}
}

// actorPackage gives the name of the actor that a folder belongs to.
func actorPackage(dir string) (string, bool) {
	rest, ok := strings.CutPrefix(dir, "actors/")
	name, _, _ := strings.Cut(rest, "/")
	return name, ok
}

func TestArrows_testkit_isImportedByTestsOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.in("testkit") {
			continue
		}
		for _, path := range s.imports() {
			if to, ok := own(path); ok && within(to, "testkit") {
				t.Errorf("%s imports %s: it is for tests", s.path, path)
			}
		}
	}
}

func TestArrows_outsideLibraries_haveOneHome(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, path := range s.imports() {
			for _, home := range homes {
				if strings.HasPrefix(path, home.library) && !s.in(home.folders...) {
					t.Errorf("%s imports %s, which belongs in %s: %s", s.path, path, strings.Join(home.folders, ", "), home.why)
				}
			}
		}
	}
}

func TestArrows_outsideLibraries_areAllInThePlan(t *testing.T) {
	for _, s := range sources(t) {
		for _, path := range s.imports() {
			first, _, _ := strings.Cut(path, "/")
			_, mine := own(path)
			if !strings.Contains(first, ".") || mine {
				continue // The standard library or our own.
			}
			known := slices.ContainsFunc(homes, func(h home) bool { return strings.HasPrefix(path, h.library) })
			if !known {
				t.Errorf("%s imports %s: a new dependency needs a home in this test and a page in docs/adr", s.path, path)
			}
		}
	}
}

func TestPure_packagesExist(t *testing.T) {
	all := sources(t)
	for _, dir := range slices.Concat(pure, vocabulary) {
		if !slices.ContainsFunc(all, func(s source) bool { return s.dir == dir && !s.test }) {
			t.Errorf("%s has no Go file: take it out of the list, or mend its name", dir)
		}
	}
}

func TestPure_packages_importOnlyPureOnes(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(slices.Concat(pure, vocabulary), s.dir) {
			continue
		}
		for _, path := range s.imports() {
			if slices.Contains(impure, path) {
				t.Errorf("%s imports %s: %s has no effects", s.path, path, s.dir)
			}
			if to, ok := own(path); ok && !slices.Contains(pure, to) && !slices.Contains(vocabulary, to) {
				t.Errorf("%s imports %s, which is not pure", s.path, path)
			}
		}
	}
}

func TestPure_packages_neitherLookAtTheClockNorStartGoroutines(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(pure, s.dir) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine: %s is pure", s.path, s.dir)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clockFuncs, n.Sel.Name) {
					t.Errorf("%s uses time.%s: pure code takes the time as an argument", s.path, n.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestTree_topLevelFolders_areTheAgreedOnes(t *testing.T) {
	want := []string{"actors", "cmd", "docs", "internal", "messages", "supervisor", "testkit"}
	built := []string{"bin", "dist"} // By make; never committed.
	entries, err := os.ReadDir(repository(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(built, e.Name()) {
			got = append(got, e.Name())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the top-level folders %v, want %v", got, want)
	}
}

func TestTests_areInPackagesOfTheirOwn(t *testing.T) {
	for _, s := range sources(t) {
		// Tests of package main cannot be outside of it, and an
		// export_test.go is what lends a package's inside to its tests.
		name := s.ast.Name.Name
		if s.test && name != "main" && !strings.HasSuffix(name, "_test") && !strings.HasSuffix(s.path, "/export_test.go") {
			t.Errorf("%s is in package %s: test behaviour from %s_test", s.path, name, name)
		}
	}
}
