package archtest_test

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

// stiff is how a comment of a function must not begin, and what it says
// instead. Go's own pages say "returns" and "reports whether".
var stiff = []struct {
	begins  *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`^\w+ gives `), "returns"},
	{regexp.MustCompile(`^\w+ (tells|says) whether `), "reports whether"},
}

// stumbling are words that a reader stumbles over; comments do without them.
var stumbling = []string{
	"after one that is just being ended", "be it by", "be it that", "is none but", "is worth no word", "looks four times as often",
	"none the worse", "sees to it", "so are they all together", "Something stands before it",
}

func TestComments_ofFunctions_beginAsGoDoes(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			text := strings.ReplaceAll(f.Doc.Text(), "\n", " ")
			for _, rule := range stiff {
				if rule.begins.MatchString(text) {
					t.Errorf("%s: the comment of %s begins with %q, want %q", s.path, f.Name.Name, rule.begins.FindString(text), rule.instead)
				}
			}
		}
	}
}

func TestComments_areNotStumbledOver(t *testing.T) {
	for _, s := range sources(t) {
		if s.in("internal/archtest") {
			continue
		}
		for _, c := range s.ast.Comments {
			text := strings.ReplaceAll(c.Text(), "\n", " ")
			for _, words := range stumbling {
				if strings.Contains(text, words) {
					t.Errorf("%s: a comment must not have %q", s.path, words)
				}
			}
		}
	}
}
