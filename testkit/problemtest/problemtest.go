// Package problemtest checks what parsers say about bad files: each bad file of
// a package's testdata has a golden text beside it, and each code of a problem
// has a bad file and a line in docs/errors.md.
package problemtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Text is how golden files show problems.
func Text(problems []jsondoc.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s: %s  [%s]\n", p.Severity, p, p.Code)
		if p.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", p.Hint)
		}
	}
	return b.String()
}

// Corpus reads the files below testdata that match, by path.
func Corpus(t testing.TB, pattern string) map[string][]byte {
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

// EachFile runs a parser on every file below testdata that matches. The parser
// must find the problems that the golden text beside the file shows, and Check
// must accept them. With -update the golden texts are written anew.
func EachFile(t *testing.T, pattern string, parse func(t *testing.T, file string, src []byte) []jsondoc.Problem) {
	t.Helper()
	for path, src := range Corpus(t, pattern) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			problems := parse(t, filepath.Base(path), src)
			Check(t, src, problems)
			golden(t, strings.TrimSuffix(path, filepath.Ext(path))+".want", Text(problems))
		})
	}
}

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
	if got != string(want) {
		t.Errorf("%s: got:\n%s\nwant:\n%s", file, got, want)
	}
}

// Check fails unless the list is what every parser promises: positions lie
// inside the file and in order, each problem has a code, and the texts are fit
// to be shown. Values of test files have the word "secret" in them.
func Check(t *testing.T, src []byte, problems []jsondoc.Problem) {
	t.Helper()
	last := jsondoc.Problem{}
	for _, p := range problems {
		text := p.String() + p.Hint
		switch {
		case p.Code == "" || p.Severity == "" || p.Message == "" || p.File == "":
			t.Errorf("want code, severity, message and file, got %+v", p)
		case strings.Contains(strings.ReplaceAll(text, "client_secret", ""), "secret"): // That one is a key's.
			t.Errorf("a value must not be shown: %s", text)
		case strings.ContainsAny(text, "\n\r\x00"):
			t.Errorf("a text must not have control characters: %q", text)
		}
		if p.Line == 0 {
			continue
		}
		InsideFile(t, src, p)
		if p.Line < last.Line || p.Line == last.Line && p.Column < last.Column {
			t.Errorf("%s must not stand before %s", last, p)
		}
		last = p
	}
}

// InsideFile fails if a problem has a position that the file has not.
func InsideFile(t *testing.T, src []byte, p jsondoc.Problem) {
	t.Helper()
	if p.Line == 0 {
		return
	}
	lines := strings.Split(strings.TrimPrefix(string(src), "\ufeff"), "\n")
	if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1 {
		t.Errorf("the position must not be outside of the file: %s", p)
	}
}
