package archtest_test

import (
	"go/ast"
	"slices"
	"testing"
)

// encoding/json takes "NAME" for "name", and of two members the last: what an
// agent, a server or a file says could be read in two ways.
func TestJSON_isDecodedWithExactNames(t *testing.T) {
	loose := []string{"Unmarshal", "NewDecoder"}
	for _, s := range sources(t) {
		if s.test || s.in("testkit", "internal/rawjson") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := call.X.(*ast.Ident); ok && x.Name == "json" && slices.Contains(loose, call.Sel.Name) {
				t.Errorf("%s uses json.%s, which does not tell names by their letter case: use rawjson.Decode or rawjson.Get", s.path, call.Sel.Name)
			}
			return true
		})
	}
}
