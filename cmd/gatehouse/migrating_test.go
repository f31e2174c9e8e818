package main

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
)

// Each form that the documentation of agent-mcp-gateway shows: its README, the guides of
// configuration, rules, security and logins, and its example files. The words are others.

// otherGatewaysRules has the agents of a rules file, or a whole one, and what its
// documentation says of it: "agent server tool", with a ! in front if it is denied.
var otherGatewaysRules = []struct{ form, rules, decides string }{
	{
		"all forms at once", `"a": {"allow": {"servers": ["db", "wiki", "*"], "tools": {"db": ["query", "list", "*"], "wiki": ["get_*", "exact"]}}, "deny": {"servers": ["secret"], "tools": {"db": ["danger", "drop_*"]}}}`,
		"a db query, !a db danger, !a db drop_x, a wiki get_x, !a wiki set_x, !a secret x, a other x",
	},
	{"all tools of one server", `"a": {"allow": {"servers": ["search"], "tools": {"search": ["*"]}}}`, "a search x, !a db x"},
	{"a server without a word about tools", `"a": {"allow": {"servers": ["search"]}}`, "a search x, !a db x"},
	{
		"names and a prefix, with denials", `"a": {"allow": {"servers": ["db"], "tools": {"db": ["query", "list_*"]}}, "deny": {"tools": {"db": ["drop_*", "truncate_*"]}}}`,
		"a db query, a db list_x, !a db drop_x, !a db other",
	},
	{"everything, twice said", `"a": {"allow": {"servers": ["*"], "tools": {"*": ["*"]}}}`, "a db x, a wiki y"},
	{"everything", `"a": {"allow": {"servers": ["*"]}}`, "a db x, a wiki y"},
	{"everything, one server narrowed", `"a": {"allow": {"servers": ["*"], "tools": {"search": ["web"]}}}`, "a search web, !a search local, a db x"},
	{
		"everything, one narrowed, one denied, one tool denied", `"a": {"allow": {"servers": ["*"], "tools": {"search": ["web"]}}, "deny": {"servers": ["wiki"], "tools": {"browser": ["type"]}}}`,
		"!a wiki x, !a browser type, a browser go, a search web, !a search local, a code x",
	},
	{"a denial beside a server without a word about tools", `"a": {"allow": {"servers": ["browser"]}, "deny": {"tools": {"browser": ["type"]}}}`, "a browser go, !a browser type"},
	{
		"everything without the dangerous", `"a": {"allow": {"servers": ["*"]}, "deny": {"tools": {"browser": ["type"], "db": ["drop_*", "delete_*"]}}}`,
		"!a browser type, !a db drop_x, !a db delete_x, a db query, a code x",
	},
	{
		"two servers, narrowed, with a net below", `"a": {"allow": {"servers": ["db", "files"], "tools": {"db": ["query", "list_*"], "files": ["read_*", "list_*"]}}, "deny": {"tools": {"db": ["drop_*", "delete_*"], "files": ["write_*", "delete_*"]}}}`,
		"a db query, !a db insert, a files read_x, !a files write_x",
	},
	{
		"a denied pattern over allowed names", `"a": {"allow": {"servers": ["db"], "tools": {"db": ["delete_user", "get_user"]}}, "deny": {"tools": {"db": ["delete_*"]}}}`,
		"!a db delete_user, a db get_user, !a db insert_user",
	},
	{"all tools of a server without the dangerous", `"a": {"allow": {"servers": ["db"], "tools": {"db": ["*"]}}, "deny": {"tools": {"db": ["drop_*", "truncate_*", "delete_*"]}}}`, "a db query, !a db delete_x"},
	{"a pattern for servers", `"a": {"allow": {"servers": ["browser_*"]}}`, "a browser_one x, !a db x"},
	{"a suffix", `"a": {"allow": {"servers": ["db"], "tools": {"db": ["*_query", "*_user"]}}}`, "a db my_query, a db get_user, !a db query_x"},
	{"one tool", `"a": {"allow": {"servers": ["search"], "tools": {"search": ["web"]}}}`, "a search web, !a search local"},
	{"a server that is not there", `"a": {"allow": {"servers": ["later"], "tools": {"later": ["get_*"]}}}`, "a later get_x"},
	{
		"names with levels", `"team.dev": {"allow": {"servers": ["db"]}}, "org.team.dev": {"deny": {"servers": ["db"]}}, "team-b_c": {"allow": {"servers": ["*"]}}`,
		"team.dev db x, !org.team.dev db x, team-b_c db x",
	},
	{"agents without rules", `"user-12ab": {}, "session-9": {}`, "!user-12ab db x"},
	{"a default that may nothing", `{"agents": {"default": {"deny": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": false}}`, "!default db x"},
	{"a default that may nothing, names wanted", `{"agents": {"default": {"deny": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": true}}`, "!default db x"},
	{"a default that may everything", `{"agents": {"default": {"allow": {"servers": ["*"], "tools": {"*": ["*"]}}}}}`, "default db x"},
	{"a default with one server", `"default": {"allow": {"servers": ["docs"]}}`, "default docs x, !default db x"},
	{
		"four agents, each with more", `{"agents": {"default": {"deny": {"servers": ["*"]}}, "reads": {"allow": {"servers": ["search"]}}, "works": {"allow": {"servers": ["db", "files"], "tools": {"db": ["query"]}}}, "rules": {"allow": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": false}}`,
		"!default search x, reads search x, !reads db x, works db query, works files x, rules db x",
	},
	{"a comment behind a line", "{\"agents\": {\"reads\": {\"allow\": {\"servers\": [\"search\"]}}, // not for all\n\"admin\": {\"allow\": {\"servers\": [\"*\"]}}}}", "reads search x, admin db x"},
	{"a comment before the file", "// shared by the team\n{\"agents\": {\"a\": {\"allow\": {\"servers\": [\"db\"]}}}}", "a db x"},
}

// otherGatewaysServers has the entries of a servers file.
var otherGatewaysServers = []struct{ form, entries string }{
	{"npx with a variable", `"search": {"command": "npx", "args": ["-y", "@example/search"], "env": {"KEY": "${KEY}"}}`},
	{"uvx with a variable", `"db": {"command": "uvx", "args": ["example-db"], "env": {"URL": "${URL}"}}`},
	{"a folder in args, no env", `"files": {"command": "npx", "args": ["-y", "@example/files", "/workspace"]}`},
	{"node with a value in clear", `"own": {"command": "node", "args": ["server.js"], "env": {"KEY": "value"}}`},
	{"python of a project", `"own": {"command": "uv", "args": ["run", "--directory", "/path/to/it", "python", "main.py"]}`},
	{"that with the gateway's own variables", `"own": {"command": "uv", "args": ["run", "python", "main.py"], "env": {"GATEWAY_MCP_CONFIG": ".mcp.json", "GATEWAY_RULES": "rules.json", "GATEWAY_DEFAULT_AGENT": "developer"}}`},
	{"that with debug", `"own": {"command": "uvx", "args": ["example"], "env": {"GATEWAY_DEBUG": "true"}}`},
	{"a command alone", `"bare": {"command": "example"}`},
	{"no args and no env, said", `"bare": {"command": "example", "args": [], "env": {}}`},
	{"a url with its transport and a header", `"far": {"url": "https://example.com/mcp", "transport": "http", "headers": {"Authorization": "Bearer ${TOKEN}"}}`},
	{"a url with a header", `"far": {"url": "https://api.example.com/mcp/", "headers": {"Authorization": "Bearer ${TOKEN}"}}`},
	{"a header in clear", `"far": {"url": "https://example.com/mcp", "headers": {"Authorization": "Bearer token"}}`},
	{"a url that wants a login", `"wiki": {"url": "https://mcp.example.com/mcp", "transport": "http"}`},
	{"a url alone", `"wiki": {"url": "https://mcp.example.com/mcp"}`},
	{"two that want a login, and one with a key", `"wiki": {"url": "https://mcp.example.com/mcp", "transport": "http"}, "code": {"url": "https://code.example.com/mcp", "transport": "http"}, "search": {"command": "npx", "args": ["-y", "s"], "env": {"KEY": "${KEY}"}}`},
	{"all kinds of credentials", `"search": {"command": "npx", "args": ["-y", "s"], "env": {"KEY": "${KEY}"}}, "wiki": {"url": "https://w.example.com/mcp", "transport": "http"}, "open": {"url": "https://o.example.com/mcp", "transport": "http"}, "far": {"url": "https://f.example.com/mcp", "headers": {"X-Key": "${KEY}"}}`},
	{"comments behind values", "\"own\": {\n\"command\": \"npx\", // required\n\"args\": [\"--flag\", \"value\"], // optional\n\"env\": {\"KEY\": \"value\"} // optional\n}"},
	{"nothing yet", ""},
}

func TestMigrating_everyDocumentedFormOfRules_decidesAsThere(t *testing.T) {
	t.Parallel()
	for _, c := range otherGatewaysRules {
		text := c.rules
		if strings.HasPrefix(text, `"`) {
			text = `{"agents": {` + text + `}}`
		}
		rules, problems := rulesfile.ParseRules("rules", []byte(text))
		if jsondoc.HasErrors(problems) {
			t.Errorf("%s: got %v, want it to be taken as it is", c.form, problems)
			continue
		}
		for one := range strings.SplitSeq(c.decides, ", ") {
			words := strings.Fields(strings.TrimPrefix(one, "!"))
			want := !strings.HasPrefix(one, "!")
			if got := decideFor(rules, words[0], words[1], words[2]); got != want {
				t.Errorf("%s: %s: got %v, want %v", c.form, one, got, want)
			}
		}
	}
}

func TestMigrating_everyDocumentedFormOfServers_isTakenAsItIs(t *testing.T) {
	t.Parallel()
	for _, c := range otherGatewaysServers {
		file, problems := serversfile.Parse("servers", fmt.Appendf(nil, `{"mcpServers": {%s}}`, c.entries))
		if want := strings.Count(c.entries, `"command"`) + strings.Count(c.entries, `"url"`); jsondoc.HasErrors(problems) || len(file.Entries) != want {
			t.Errorf("%s: got %d servers and %v, want %d and no error", c.form, len(file.Entries), problems, want)
		}
	}
	if got := len(otherGatewaysRules) + len(otherGatewaysServers); got < 44 {
		t.Errorf("got %d forms, want 44: none may be lost", got)
	}
}
