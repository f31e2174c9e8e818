package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (write it with -update, and read it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// problemText is how golden files show problems.
func problemText(problems []config.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s: %s  [%s]\n", p.Severity, p, p.Code)
		if p.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", p.Hint)
		}
	}
	return b.String()
}

// corpus gives each file of testdata that matches, with its content.
func corpus(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", filepath.FromSlash(pattern)))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = src
	}
	return files
}

func TestParseServers_eachMistakeIsSaidInWords(t *testing.T) {
	for path, src := range corpus(t, "bad/*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			servers, problems := config.ParseServers(filepath.Base(path), src)
			if len(problems) == 0 {
				t.Fatal("got no problem")
			}
			if config.HasErrors(problems) && len(servers.Entries) > 0 {
				t.Error("a file with errors gave entries")
			}
			checkProblems(t, src, problems)
			golden(t, strings.TrimSuffix(path, ".json")+".want", problemText(problems))
		})
	}
}

func TestParseDotenv_eachMistakeIsSaidInWords(t *testing.T) {
	for path, src := range corpus(t, "dotenv-bad/*.env") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			values, problems := config.ParseDotenv(filepath.Base(path), src)
			if len(problems) == 0 {
				t.Fatal("got no problem")
			}
			if config.HasErrors(problems) && values != nil {
				t.Error("a file with errors gave values")
			}
			checkProblems(t, src, problems)
			golden(t, strings.TrimSuffix(path, ".env")+".want", problemText(problems))
		})
	}
}

// checkProblems holds for every list of problems of any file: positions lie
// inside the file and in order, each problem has a code, and the texts are
// fit to be shown.
func checkProblems(t *testing.T, src []byte, problems []config.Problem) {
	t.Helper()
	lines := strings.Split(strings.TrimPrefix(string(src), "\ufeff"), "\n")
	last := config.Problem{}
	for _, p := range problems {
		text := p.String() + p.Hint
		switch {
		case p.Code == "" || p.Severity == "" || p.Message == "" || p.File == "":
			t.Errorf("something is missing in %+v", p)
		case strings.Contains(text, "secret"):
			t.Errorf("a value is shown: %s", text)
		case strings.ContainsAny(text, "\n\r\x00"):
			t.Errorf("a text with control characters: %q", text)
		}
		if p.Line == 0 {
			continue
		}
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1 {
			t.Errorf("position outside of the file: %s", p)
		}
		if p.Line < last.Line || p.Line == last.Line && p.Column < last.Column {
			t.Errorf("%s stands before %s", last, p)
		}
		last = p
	}
}

// codes are the values of the constants named Code... in the source files that
// match, by name.
func codes(t *testing.T, match func(file string) bool) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || !match(file) {
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
				if literal, ok := spec.Values[i].(*ast.BasicLit); ok && strings.HasPrefix(name.Name, "Code") {
					found[name.Name], _ = strconv.Unquote(literal.Value)
				}
			}
			return true
		})
	}
	return found
}

func TestCodes_eachHasABadFileAndIsDocumented(t *testing.T) {
	// These cannot be shown by a small file; each has a test of its own.
	elsewhere := map[string]bool{
		config.CodeTooLarge: true, config.CodeRulesInWorkDir: true, config.CodeRulesWritable: true,
		config.CodeRulesTokenMany: true, config.CodeRulesNoCredentials: true,
	}
	var shown strings.Builder
	for path := range corpus(t, "*bad/*.want") {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(want)
	}
	mine := codes(t, func(file string) bool { return !strings.HasPrefix(file, "rules") })
	for name, code := range mine {
		if !elsewhere[code] && !strings.Contains(shown.String(), "["+code+"]") {
			t.Errorf("no bad file shows %s (%s)", name, code)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, code := range codes(t, func(string) bool { return true }) {
		if !strings.Contains(string(page), "`"+code+"`") {
			t.Errorf("docs/errors.md does not explain %s (%s)", name, code)
		}
	}
	if len(mine) < 30 {
		t.Errorf("found only %d codes: has the naming changed?", len(mine))
	}
}
