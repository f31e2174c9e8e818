package problemtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// EachCode checks the constants named code... or Code... of the package in the working
// directory: each is in a golden text below testdata, unless it is listed in
// elsewhere, and is explained in docs/errors.md.
func EachCode(t *testing.T, elsewhere ...string) {
	t.Helper()
	shown := goldenTexts(t)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := codes(t)
	if len(found) == 0 {
		t.Error("found no codes: has the naming changed?")
	}
	for name, code := range found {
		if !slices.Contains(elsewhere, code) && !strings.Contains(shown, "["+code+"]") {
			t.Errorf("no bad file shows %s (%s)", name, code)
		}
		if !strings.Contains(string(page), "`"+code+"`") {
			t.Errorf("docs/errors.md does not explain %s (%s)", name, code)
		}
	}
}

// goldenTexts joins the golden texts of the package.
func goldenTexts(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*", "*.want"))
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, path := range paths {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(want)
	}
	return shown.String()
}

// codes are the values of the package's constants named code... or Code..., by name.
func codes(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != len(spec.Names) {
				return true
			}
			for i, name := range spec.Names {
				if literal, ok := spec.Values[i].(*ast.BasicLit); ok && strings.HasPrefix(strings.ToLower(name.Name), "code") {
					found[name.Name], _ = strconv.Unquote(literal.Value)
				}
			}
			return true
		})
	}
	return found
}
