//go:build unix

package wire_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit/spec"
)

func TestLossless_definitions_officialExamples(t *testing.T) {
	examples, err := spec.Examples("Tool")
	if err != nil {
		t.Fatal(err)
	}
	// Two examples have the same name, which one server may not give twice.
	var first, again []string
	seen := map[string]bool{}
	for _, e := range examples {
		switch name := string(pick(e.JSON, "name")); {
		case e.Definition != "Tool":
		case seen[name]:
			again = append(again, string(e.JSON))
		default:
			seen[name] = true
			first = append(first, string(e.JSON))
		}
	}
	if len(first)+len(again) < 6 {
		t.Fatalf("got %d examples, want at least 6", len(first)+len(again))
	}
	areListed(t, first)
	areListed(t, again)
}

func TestLossless_definitions_oddities(t *testing.T) {
	var tools []string
	for _, c := range cases(t, "tools.txt") {
		tools = append(tools, c.json)
	}
	areListed(t, tools)
}

// A definition whose own members are not clear is not listed at all: whoever
// takes the first of two descriptions would read another tool than whoever takes
// the last. Deeper down, names are the server's business.
func TestLossless_definitions_ambiguous_areLeftOut(t *testing.T) {
	clear := `{"name":"clear","inputSchema":{"type":"object","properties":{"a":{},"a":{},"A":{}}}}`
	h := open(t, "--list", writeList(t,
		`{"name":"twice","description":"first","inputSchema":{"type":"object"},"description":"second"}`,
		clear,
		`{"name":"case","inputSchema":{"type":"object"},"Description":"other"}`,
	))
	for _, p := range h.fewPaths() {
		p.lists(t, []string{clear})
	}
}

// An answer of the gateway's own has at most 2 MB and shows a definition twice,
// as JSON and as text: one beyond some 700 KB is cut.
func TestLossless_definitions_huge(t *testing.T) {
	long := strings.Repeat(`0123456789abcde\u003c`, 400_000/21)
	tools := []string{
		`{"name":"long","description":"` + long + `","inputSchema":{"type":"object"}}`,
		`{"name":"deep","inputSchema":` + strings.Repeat(`{"not":`, 4000) + `true` + strings.Repeat(`}`, 4000) + `}`,
	}
	h := open(t, "--list", writeList(t, tools...))
	for _, p := range h.fewPaths() {
		p.lists(t, tools)
	}
}

// areListed checks for all agents and both servers that get_server_tools returns
// definitions as the server said them, and in its order.
func areListed(t *testing.T, tools []string) {
	t.Helper()
	h := open(t, "--list", writeList(t, tools...))
	for _, p := range h.paths() {
		got := p.lists(t, tools)
		structured := pick(got, "structuredContent")
		content, err := elements(pick(got, "content"))
		if err != nil || len(content) != 1 {
			t.Fatalf("%s: got %d blocks (%v), want 1", p, len(content), err)
		}
		if err := same([]byte(text(pick([]byte(content[0].value), "text"))), structured); err != nil && !surrogates(tools) {
			t.Errorf("%s: the text is not the structured content: %v", p, err)
		}
	}
	for _, tool := range tools {
		path{h.http, "pipe"}.findsByName(t, tool)
	}
}

// surrogates reports whether a definition has a lone surrogate, which Go's
// decoder, and so this test, cannot take out of a text as it was.
func surrogates(tools []string) bool { return strings.Contains(strings.Join(tools, ""), `\ud800`) }

// lists checks that get_server_tools returns these definitions, and returns its
// result.
func (p path) lists(t *testing.T, tools []string) []byte {
	t.Helper()
	got, err := p.call(t.Context(), "get_server_tools", fmt.Sprintf(`{"server":%q,"max_schema_tokens":10000000}`, p.server))
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	p.compareList(t, pick(got, "structuredContent"), tools)
	return got
}

func (p path) compareList(t *testing.T, structured []byte, tools []string) {
	t.Helper()
	list, err := elements(pick(structured, "tools"))
	if err != nil {
		t.Fatalf("%s: got %v, want a list of tools in %.300s", p, err, structured)
	}
	if len(list) != len(tools) {
		t.Fatalf("%s: got %d tools, want %d", p, len(list), len(tools))
	}
	for i, tool := range tools {
		if err := same([]byte(list[i].value), []byte(tool)); err != nil {
			t.Errorf("%s, tool %d: %v", p, i, err)
		}
	}
}

// findsByName asks for one definition by its name, as the server wrote it.
func (p path) findsByName(t *testing.T, tool string) {
	t.Helper()
	name := pick([]byte(tool), "name")
	got, err := p.call(t.Context(), "get_server_tools", fmt.Sprintf(`{"server":%q,"names":[%s]}`, p.server, name))
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	p.compareList(t, pick(got, "structuredContent"), []string{tool})
}

// writeList writes a result of tools/list for the fake server.
func writeList(t testing.TB, tools ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "list.json")
	result := `{"tools":[` + strings.Join(tools, ",") + `],"resultType":"complete","ttlMs":0,"cacheScope":"private"}`
	// Over stdio a message is one line.
	if err := os.WriteFile(file, onOneLine([]byte(result)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
