package archtest_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A test that fails says what it got and what it wanted: who reads the message
// need not open the test.
func TestAssertions_sayWhatWasWanted(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if !s.test && !s.in("testkit") {
			continue
		}
		for _, a := range assertions(s.ast) {
			seen++
			if a.printsValue() && !a.ofError && !wanted.MatchString(a.text) {
				t.Errorf("%s: %q shows a value, and must say what was wanted: \"got %%v, want %%v\"", s.path, a.text)
			}
		}
	}
	if seen < 1000 {
		t.Fatalf("found only %d assertions, want more: this test looks for something else", seen)
	}
}

// wanted are words by which a message says what should have been.
var wanted = regexp.MustCompile(`(?i)\b(wants?|wanted|expected|should|must|instead|not|cannot|no|none|nothing|never|neither|` +
	`without|still|only|though|although|lacks?|missing|in vain)\b|n't\b|\btoo (long|early|late|many|few|much)\b`)

// verbs are the places of values in a format.
var verbs = regexp.MustCompile(`%[-+# 0-9.*\[\]]*[a-zA-Z]`)

// assertion is a call of Error, Errorf, Fatal or Fatalf of a test.
type assertion struct {
	text      string // its texts, one after the other
	formatted bool
	arguments int
	ofError   bool // it says of an unexpected error that there is one
}

// printsValue reports whether the message has more than fixed words.
func (a assertion) printsValue() bool {
	if a.text == "" {
		return false
	}
	return a.formatted && verbs.MatchString(a.text) || !a.formatted && a.arguments > 1
}

// assertions finds the assertions of a file. Where err != nil is all that was
// asked before one, its wish is plain.
func assertions(file *ast.File) []assertion {
	var found []assertion
	var path []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		path = append(path, n)
		if call, ok := n.(*ast.CallExpr); ok {
			if a, ok := readAssertion(call); ok {
				a.ofError = isErrNotNil(condition(path)) && isErr(call.Args[len(call.Args)-1])
				found = append(found, a)
			}
		}
		return true
	})
	return found
}

func readAssertion(call *ast.CallExpr) (assertion, bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return assertion{}, false
	}
	on, ok := sel.X.(*ast.Ident)
	if !ok || !slices.Contains([]string{"t", "b", "f", "tb"}, on.Name) {
		return assertion{}, false
	}
	name, formatted := strings.CutSuffix(sel.Sel.Name, "f")
	if name != "Error" && name != "Fatal" {
		return assertion{}, false
	}
	a := assertion{formatted: formatted, arguments: len(call.Args)}
	texts := call.Args
	if formatted {
		texts = texts[:1] // A word among the values is not the message's.
	}
	for _, arg := range texts {
		a.text += textsIn(arg)
	}
	return a, true
}

// textsIn returns the string literals of an expression, one after the other.
func textsIn(e ast.Expr) string {
	var all strings.Builder
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ := strconv.Unquote(lit.Value) // The parser has checked it.
			all.WriteString(text)
		}
		return true
	})
	return all.String()
}

// condition is that of the innermost if around the end of a path.
func condition(path []ast.Node) ast.Expr {
	for _, n := range slices.Backward(path) {
		if s, ok := n.(*ast.IfStmt); ok {
			return s.Cond
		}
	}
	return nil
}

func isErrNotNil(e ast.Expr) bool {
	asks, ok := e.(*ast.BinaryExpr)
	return ok && asks.Op == token.NEQ && isErr(asks.X)
}

// isErr reports whether an expression is a variable named err.
func isErr(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "err"
}
