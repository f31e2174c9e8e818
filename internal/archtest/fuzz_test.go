package archtest_test

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fuzzTarget = regexp.MustCompile("`([a-z]+\\.Fuzz\\w+)`")

func TestFuzzTargets_areThoseOfTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository(t), "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed, found []string
	for _, m := range fuzzTarget.FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, m[1])
	}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && strings.HasPrefix(f.Name.Name, "Fuzz") {
				found = append(found, path.Base(s.dir)+"."+f.Name.Name)
			}
		}
	}
	compare(t, "the table of CONTRIBUTING.md", listed, "the fuzz targets", found)
}
