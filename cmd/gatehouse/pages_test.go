package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/testkit"
)

// docsPage is a page of the documentation.
func docsPage(t *testing.T, name string) string {
	t.Helper()
	return readText(t, filepath.Join("..", "..", "docs", name))
}

// blocks are the code blocks of a page that follow a mark.
func blocks(t *testing.T, name, mark string) []string {
	t.Helper()
	var list []string
	for _, m := range regexp.MustCompile("(?s)<!-- "+mark+" -->\n```[a-z]*\n(.*?)```").FindAllStringSubmatch(docsPage(t, name), -1) {
		list = append(list, m[1])
	}
	if len(list) == 0 {
		t.Fatalf("docs/%s has no block with the mark %q, want one", name, mark)
	}
	return list
}

// pageRules are the rules that a page shows, without a problem in them.
func pageRules(t *testing.T, name string) *policy.Policy {
	t.Helper()
	rules, problems := rulesfile.ParseRules(name, []byte(blocks(t, name, "rules")[0]))
	if len(problems) > 0 {
		t.Fatalf("docs/%s: got %v, want rules without a problem", name, problems)
	}
	return policy.Compile(rules)
}

func TestAgentsPage_namesToolsThatThereAre(t *testing.T) {
	defined := strings.Join(definedTools(t), " ")
	for _, text := range append(blocks(t, "AGENTS.md", "pasted"), blocks(t, "AGENTS.md", "subagent")...) {
		for _, m := range regexp.MustCompile("`([a-z]+_[a-z_]+)`|mcp__gatehouse__([a-z_]+)").FindAllStringSubmatch(text, -1) {
			if name := m[1] + m[2]; !strings.Contains(defined, name) {
				t.Errorf("docs/AGENTS.md names %s, want what is in the definitions of the tools, or in their answers", name)
			}
		}
	}
	p := pageRules(t, "AGENTS.md")
	for _, c := range []struct {
		agent, server, tool string
		want                bool
	}{{"backend", "db", "x", true}, {"researcher", "docs", "read_page", true}, {"researcher", "docs", "write_page", false}, {"researcher", "db", "x", false}} {
		if got := p.Decide(c.agent, c.server, c.tool).Allow; got != c.want {
			t.Errorf("%s, %s.%s: got %v, want %v", c.agent, c.server, c.tool, got, c.want)
		}
	}
}

// definedTools are the gateway's own tools as an agent sees them, and what answers
// have in them.
func definedTools(t *testing.T) []string {
	t.Helper()
	g, _ := begin(t, testkit.Servers{})
	listed, err := g.HTTPClient(t).ListTools(t.Context(), mcp.ListToolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(listed.Tools)
	if err != nil {
		t.Fatal(err)
	}
	return []string{string(text), "may_have_run"}
}

func TestMigratingPage_isTrue(t *testing.T) {
	p := pageRules(t, "MIGRATING.md")
	if !p.Decide("reader", "db", "get_user").Allow || p.Decide("reader", "db", "drop").Allow {
		t.Error("got another decision for get_user, want the one that docs/MIGRATING.md names")
	}
	for _, c := range []struct {
		row, rules          string
		agent, server, tool string
		want                bool
	}{
		{"a stranger, where names are optional", `{"agents": {"a": {"allow": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": false}}`, "stranger", "db", "x", false},
		{"a stranger with a default", `{"agents": {"default": {"allow": {"servers": ["db"]}}}, "defaults": {"deny_on_missing_agent": false}}`, "stranger", "db", "x", true},
		{"an empty list", `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": []}}}}}`, "a", "db", "x", false},
		{"a deny under *", `{"agents": {"a": {"allow": {"servers": ["db"]}, "deny": {"tools": {"*": ["drop_*"]}}}}}`, "a", "db", "drop_x", false},
		{"an allow under *", `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["q"], "*": ["x"]}}}}}`, "a", "db", "x", true},
		{"two wildcards", `{"agents": {"a": {"allow": {"servers": ["d*b"], "tools": {"d*b": ["*x*"]}}}}}`, "a", "d1b", "axb", true},
	} {
		rules, problems := rulesfile.ParseRules("r", []byte(c.rules))
		if got := decideFor(rules, c.agent, c.server, c.tool); got != c.want || len(problems) > 0 {
			t.Errorf("%s: got %v, %v, want %v", c.row, got, problems, c.want)
		}
	}
}

// otherGatewaysFiles are servers and rules in each form that the documentation of
// agent-mcp-gateway shows.
var otherGatewaysFiles = []struct{ servers, rules string }{
	{
		`{"mcpServers": {"search": {"command": "npx", "args": ["-y", "search@1.0.0"], "env": {"KEY": "${KEY}"}}, "db": {"command": "uvx", "args": ["db==1.0.0"], "env": {"URL": "${URL}"}},
	  "far": {"url": "https://example.com/mcp", "transport": "http", "headers": {"Authorization": "Bearer ${KEY}"}}}}`,
		`{"agents": {"researcher": {"allow": {"servers": ["search"], "tools": {"search": ["*"]}}}, "backend": {"allow": {"servers": ["db"], "tools": {"db": ["query", "list_*"]}}, "deny": {"tools": {"db": ["drop_*", "truncate_*"]}}},
		  "admin": {"allow": {"servers": ["*"], "tools": {"*": ["*"]}}}, "default": {"deny": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": false}}`,
	},
	{
		`{"mcpServers": {"notion": {"url": "https://mcp.example.com/mcp", "transport": "http"}, "bare": {"url": "https://h.example.com/mcp"}}}`,
		`{"agents": {"team.role": {"allow": {"servers": ["notion"]}}, "team-b_c": {"deny": {"servers": ["notion"]}}}, "defaults": {"deny_on_missing_agent": true}}`,
	},
	{`{"mcpServers": {}}`, `{"agents": {}}`},
	{`{"mcpServers": {"a": {"command": "a"}}}`, `{"agents": {"x": {"allow": {"servers": ["not-there-yet"], "tools": {"not-there-yet": ["*_user"]}}}}}`},
	{`{"mcpServers": {"a": {"command": "a", "args": []}}}`, `{"agents": {"x": {}}, "defaults": {}}`},
}

func TestValidate_takesFilesOfAgentMCPGateway_asTheyAre(t *testing.T) {
	for _, f := range otherGatewaysFiles {
		home, workDir := freshHome(t)
		t.Setenv("KEY", "k")
		t.Setenv("URL", "u")
		putFile(t, filepath.Join(home, ".mcp.json"), f.servers)
		putFile(t, filepath.Join(home, ".mcp-gateway-rules.json"), f.rules)
		atHome(t, "validate", "--mcp-config", filepath.Join(home, ".mcp.json"), "--rules", filepath.Join(home, ".mcp-gateway-rules.json")).want(t, exitFine, "0 errors")
		old := filepath.Join(home, ".config", "agent-mcp-gateway")
		if err := os.MkdirAll(old, 0o700); err != nil {
			t.Fatal(err)
		}
		putFile(t, filepath.Join(old, ".mcp.json"), f.servers)
		putFile(t, filepath.Join(old, ".mcp-gateway-rules.json"), f.rules)
		atHome(t, "import", "--from", "agent-mcp-gateway", "--write").want(t, exitFine)
		if left, err := os.ReadDir(workDir); err != nil || len(left) > 0 {
			t.Errorf("got %v, %v in the working directory, want nothing", left, err)
		}
		own := filepath.Join(home, ".config", "gatehouse", ".mcp-gateway-rules.json")
		if len(f.rules) > 40 && !exists(own) {
			t.Errorf("got no %s, want the rules taken over", own)
		}
	}
}

func TestMigratingPage_entryIsJSON(t *testing.T) {
	for _, text := range blocks(t, "MIGRATING.md", "servers") {
		if !json.Valid([]byte(text)) {
			t.Errorf("got %s, want JSON", text)
		}
	}
}

// decideFor decides as a gateway does, for strangers too.
func decideFor(rules policy.Rules, agent, server, tool string) bool {
	p := policy.Compile(rules)
	return p.Decide(p.StandIn(agent), server, tool).Allow
}

// Whatever a page tells people to type is there: the command, and its flags.
func TestPages_showCommandsThatThereAre(t *testing.T) {
	block := regexp.MustCompile("(?s)\n```sh\n(.*?)```")
	line := regexp.MustCompile(`(?m)^(?:bin/)?gatehouse ([^#|>\n]*)`)
	for _, name := range []string{"../README.md", "AGENTS.md", "CLIENTS.md", "MIGRATING.md", "OPERATIONS.md"} {
		n := 0
		for _, b := range block.FindAllStringSubmatch(docsPage(t, name), -1) {
			for _, m := range line.FindAllStringSubmatch(b[1], -1) {
				n++
				words := strings.Fields(regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(m[1], "x"))
				of, rest, err := newRoot().Find(words)
				if err == nil {
					err = of.ParseFlags(rest)
				}
				if err != nil {
					t.Errorf("docs/%s shows %q: got %v, want a command that there is", name, m[0], err)
				}
			}
		}
		if n == 0 && name == "../README.md" {
			t.Errorf("docs/%s: got no command in it, want some to try", name)
		}
	}
}
