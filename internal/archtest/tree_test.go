// Package archtest holds the tests that keep the house's plan true: who may
// import whom, where each outside library lives, what pure packages may not
// touch. docs/ARCHITECTURE.md explains the plan.
//
// The tests read every Go file of the repository, whatever its build tags, so
// that an arrow broken in a file for another system is found as well.
package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "gatehouse"

// source is one parsed Go file.
type source struct {
	path string // relative to the repository, with slashes
	dir  string // its folder; "" is the repository's own
	test bool   // its name ends in _test.go
	ast  *ast.File
}

// imports lists the import paths of a file.
func (s source) imports() []string {
	var out []string
	for _, spec := range s.ast.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // The parser has checked it.
		out = append(out, path)
	}
	return out
}

// in reports whether the file's folder is one of these or inside one.
func (s source) in(folders ...string) bool { return within(s.dir, folders...) }

// within reports whether a folder is one of these or inside one.
func within(dir string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return dir == f || strings.HasPrefix(dir, f+"/")
	})
}

// own returns the folder of one of our own packages, and false for others.
func own(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// repository returns the repository's folder: the one with our go.mod.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("cannot find the repository: %v", err)
	}
	return root
}

// skipped reports whether Go itself would not look into a folder, or whether it
// is a module of its own.
func skipped(root, path, name string) bool {
	if name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil && path != root
}

// sources returns every Go file of our module. All tests share them: parsing
// is most of what these tests cost.
func sources(t *testing.T) []source {
	t.Helper()
	parse.Do(func() { parse.found, parse.err = parseAll(repository(t)) })
	if parse.err != nil {
		t.Fatal(parse.err)
	}
	if len(parse.found) < 50 {
		t.Fatalf("found only %d Go files: these tests look in the wrong place", len(parse.found))
	}
	return parse.found
}

// parse is what sources has parsed.
var parse struct {
	sync.Once
	found []source
	err   error
}

func parseAll(root string) ([]source, error) {
	files := token.NewFileSet()
	var out []source
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && skipped(root, path, e.Name()):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir, _, found := cutLast(rel, "/")
		if !found {
			dir = ""
		}
		out = append(out, source{path: rel, dir: dir, test: strings.HasSuffix(rel, "_test.go"), ast: parsed})
		return nil
	})
	return out, err
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
