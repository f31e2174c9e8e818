package adopt_test

import (
	"strings"
	"testing"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
)

const otherGateway = `{
  "mcpServers": {"db": {"command": "db"}, "web": {"command": "web"}},
  "agents": {
    "reader": {"allow": {"servers": ["db"], "tools": {"db": ["query", "list_*"], "*": ["get_*"]}}, "deny": {"tools": {"db": ["drop_*"]}}}, // mine
    "admin": {"allow": {"servers": ["*"], "tools": {"*": ["*"]}}},
    "empty": {"allow": {"servers": ["db"], "tools": {"db": []}}},
    "ops": {"allow": {"servers": ["db"]}},
    "odd": {"allow": {"servers": "db"}},
    "default": {"deny": {"servers": ["*"]}}
  },
  "defaults": {"deny_on_missing_agent": false}
}`

func TestMake_rulesOfAnotherGateway_becomeRules(t *testing.T) {
	other, codex := read(t, "agent-mcp-gateway", otherGateway), read(t, "codex", "[mcp_servers.files]\ncommand = \"files\"\n")
	for name, own := range map[string]string{"none": "", "some": `{"agents": {"ops": {"deny": {"servers": ["*"]}}}}`} {
		t.Run(name, func(t *testing.T) {
			before := adopt.Texts{Servers: []byte(`{"mcpServers": {"own": {"command": "own"}}}`)}
			if own != "" {
				before.Rules = []byte(own)
			}
			p := plan(t, before, nil, other, codex)
			rules, problems := rulesfile.ParseRules("rules.json", after(before, p).Rules)
			if len(problems) > 0 {
				t.Fatalf("got %v, want no problem", problems)
			}
			if rules.DenyOnMissingAgent != (own != "") {
				t.Errorf("got deny_on_missing_agent %v, want that of whoever has rules first", rules.DenyOnMissingAgent)
			}
			now := policy.Compile(rules)
			for _, c := range []struct {
				agent, server, tool string
				want                bool
			}{
				{"reader", "db", "query", true},
				{"reader", "db", "drop_x", false},
				{"reader", "web", "query", false},
				{"admin", "web", "anything", true},
				{"admin", "own", "x", false},
				{"admin", "files", "x", false},
				{"empty", "db", "query", false},
				{"ops", "db", "x", own == ""},
				{"default", "db", "x", false},
				{"codex", "files", "x", true},
				{"codex", "db", "x", false},
			} {
				if got := now.Decide(c.agent, c.server, c.tool).Allow; got != c.want {
					t.Errorf("%s, %s.%s: got %v, want %v", c.agent, c.server, c.tool, got, c.want)
				}
			}
			if now.HasAgent("odd") {
				t.Error("got the agent whose rules are no rules, want it left out")
			}
			wants := []string{`agent "odd": its rules are not understood`, `"*"`, "ignores such a key", "is empty: it allows no tool here", "does not have it: it is denied"}
			if own != "" {
				wants = append(wants, `agent "ops": it is here already`)
			}
			for _, want := range wants {
				if !noted(p.Notes, want) {
					t.Errorf("got %+v, want a note that says %s", p.Notes, want)
				}
			}
		})
	}
}

func noted(notes []clients.Note, want string) bool {
	for _, n := range notes {
		if strings.Contains(n.Text, want) {
			return true
		}
	}
	return false
}
