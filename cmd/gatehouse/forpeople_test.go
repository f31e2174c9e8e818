package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// toModels are words that mean nothing to whoever has typed a command.
var toModels = regexp.MustCompile(`(?i:tell the user|ask the user|your instructions|at most twice)|agent_id|timeout_ms|list_servers|get_server_tools`)

// Each refusal that the gateway's own code has, found in its sources, is reworded.
func TestForPeople_everyRefusalOfTheGateway(t *testing.T) {
	seen := 0
	for _, pattern := range []string{"front/*.go", "front/gate/*.go", "policy/identity.go", "mcpedge/agents/toolcall.go"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "internal", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			switch name := filepath.Base(file); {
			case strings.HasSuffix(name, "_test.go"), name == "definitions.go", name == "introduce.go":
				continue // What tools are for is told to models alone.
			}
			for _, text := range texts(t, file) {
				if !toModels.MatchString(text) || !strings.Contains(text, " ") {
					continue
				}
				seen++
				if got := forPeople(text); toModels.MatchString(got) || strings.Contains(got, "..") {
					t.Errorf("%s: got %q, want nothing that is said to a model", file, got)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("got %d refusals, want the 20 and more that there are: has their place changed?", seen)
	}
}

// texts are the texts in a Go file, those included that are put together.
func texts(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := textOf(e)
		if ok {
			all = append(all, text)
		}
		return !ok
	})
	return all
}

func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, ok := textOf(e.X)
		b, both := textOf(e.Y)
		return a + b, ok && both
	}
	return "", false
}

func TestCommands_whatTheGatewayRefuses_isSaidForPeople(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"db": testkit.Fake(t), "bad": {"command": "gatehouse-no-such-command"}},
		`{"agents": {"a": {"allow": {"servers": ["db", "bad"]}, "deny": {"tools": {"*": ["env"]}}}}}`)
	pidOf(t, a, "db")
	g.Await(t, "server quarantined", "server", "bad")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"call", "db", "env", "--agent", "a"}, exitNo, `"gatehouse explain a db env --live" says why`},
		{[]string{"call", "db", "nosuch", "--agent", "a"}, exitNo, "You may use: "},
		{[]string{"call", "nosuch", "x", "--agent", "a"}, exitNo, "explain a nosuch x"},
		{[]string{"call", "bad", "x", "--agent", "a"}, exitNo, `"gatehouse status bad" says more`},
		{[]string{"call", "db", "echo"}, exitNo, "Name an agent with --agent."},
		{[]string{"call", "db", "sleep", `{"ms": 60000}`, "--agent", "a", "--timeout", "200ms"}, exitNo, "or give a longer --timeout."},
		{[]string{"call", "db", "echo", "[1]", "--agent", "a"}, exitUsage, "JSON object"},
		{[]string{"tools", "--agent", "a b"}, exitNo, "not an agent name"},
		{[]string{"tools", "db", "--agent", "b"}, exitNo, "nothing on"},
		{[]string{"explain", "", "db", "--live"}, exitNo, "An agent must be named. Name an agent as AGENT."},
		{[]string{"explain", "b@", "db", "--live"}, exitNo, "not an agent name"},
	} {
		r := operate(t, g, c.args...)
		if text := r.out + r.err; r.code != c.code || !strings.Contains(text, c.want) || toModels.MatchString(text) {
			t.Errorf("%q: got %d and\n%s\nwant %d, %q, and nothing that is said to a model", c.args, r.code, text, c.code, c.want)
		}
	}
}
