package archtest_test

import (
	"go/ast"
	"os"
	"slices"
	"strings"
	"testing"
)

// forbidden are arrows between our own packages, tests apart.
var forbidden = []struct {
	from, to []string
	why      string
}{
	{[]string{"messages"}, []string{"actors", "cmd", "supervisor"}, "messages are data"},
	{[]string{"supervisor"}, []string{"actors"}, "cmd hands it a function that makes the actors"},
	{[]string{"internal"}, []string{"actors", "cmd", "messages", "supervisor"}, "edges and pure packages don't know the actors"},
	{[]string{"internal/front"}, []string{"internal/front/gate"}, "the router knows methods and params, and no tool"},
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
					t.Errorf("%s must not import %s: %s", s.path, path, rule.why)
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

// actorPackage is the name of the actor that a folder belongs to.
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
				t.Errorf("%s must not import %s: it is for tests", s.path, path)
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
					t.Errorf("%s must not import %s, which belongs in %s: %s", s.path, path, strings.Join(home.folders, ", "), home.why)
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
				t.Errorf("%s must not import %s: a new dependency needs a home in this test and a page in docs/adr", s.path, path)
			}
		}
	}
}

func TestPure_packages_importOnlyPureOnes(t *testing.T) {
	pure := pure(t)
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
	pure := pure(t)
	for _, s := range sources(t) {
		if s.test || !slices.Contains(pure, s.dir) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s must not start a goroutine: %s is pure", s.path, s.dir)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clockFuncs, n.Sel.Name) {
					t.Errorf("%s must not use time.%s: pure code takes the time as an argument", s.path, n.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestTree_topLevelFolders_areTheAgreedOnes(t *testing.T) {
	want := []string{"actors", "cmd", "deploy", "docs", "internal", "messages", "supervisor", "testkit"}
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
			t.Errorf("%s must not be in package %s: test behaviour from %s_test", s.path, name, name)
		}
	}
}
