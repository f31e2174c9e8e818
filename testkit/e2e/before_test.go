//go:build unix

package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/tokens"
)

// three are the servers of the README's table.
func three(t *testing.T) testkit.Servers {
	t.Helper()
	return testkit.Servers{
		"everything": {"command": npmServer(t, "everything"), "args": []string{"stdio"}},
		"filesystem": {"command": npmServer(t, "filesystem"), "args": []string{t.TempDir()}},
		"memory":     {"command": npmServer(t, "memory"), "args": []string{}},
	}
}

// behind is a gateway in front of servers, as an entry of a client that is agent and
// attaches to it.
func behind(t *testing.T, servers testkit.Servers) testkit.Servers {
	t.Helper()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll("agent"), Env: []string{testkit.Built(t)},
	})
	command := append(attachTo(t, g), "--agent", "agent")
	return testkit.Servers{"gatehouse": {"command": command[0], "args": command[1:]}}
}

// entriesOf are servers as Codex's configuration has them.
func entriesOf(t *testing.T, servers testkit.Servers) string {
	t.Helper()
	out := ""
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		args, err := json.Marshal(servers[name]["args"])
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("[mcp_servers.%s]\nrequired = true\nstartup_timeout_sec = 60\ncommand = %q\nargs = %s\n", name, servers[name]["command"], args)
	}
	return out
}

// beforeCase is a client that is measured, and what its first question must hold for
// the figure to mean anything: one that asks before its servers are up would seem
// to pay nothing for them.
type beforeCase struct {
	first           func(t *testing.T, servers testkit.Servers) string
	direct, gateway []string
}

func beforeCases() map[string]beforeCase {
	codex := func(model string) func(*testing.T, testkit.Servers) string {
		return func(t *testing.T, s testkit.Servers) string { t.Helper(); return firstOfCodex(t, model, s) }
	}
	claude := func(env ...string) func(*testing.T, testkit.Servers) string {
		return func(t *testing.T, s testkit.Servers) string { t.Helper(); return firstOfClaude(t, s, env...) }
	}
	return map[string]beforeCase{
		"Codex, which defers": {codex(deferring), []string{"mcp__everything", "mcp__filesystem", "mcp__memory"}, []string{shownByCodex}},
		"Codex, with a model that loads all": {
			codex(loading), []string{`"create_entities"`, `"read_text_file"`, `"mcp__everything"`}, []string{shownByCodex, `"search_tools"`, `"get_server_tools"`},
		},
		"Claude Code, which defers": {
			claude(),
			[]string{"mcp__everything__get-sum", "mcp__filesystem__read_text_file", "mcp__memory__create_entities"},
			[]string{shownByCodex, "mcp__gatehouse__search_tools", "mcp__gatehouse__list_servers"},
		},
		"Claude Code, told to load all": {
			claude("ENABLE_TOOL_SEARCH=false"),
			[]string{`"mcp__everything__get-sum"`, `"mcp__filesystem__read_text_file"`, `"mcp__memory__create_entities"`},
			[]string{shownByCodex, `"mcp__gatehouse__search_tools"`, `"mcp__gatehouse__list_servers"`},
		},
	}
}

// TestBefore_whatClientsPutBeforeTheModel logs by how many tokens the first question
// that a client asks its model is longer with servers than without: with three
// servers, and with the gateway in front of them.
func TestBefore_whatClientsPutBeforeTheModel(t *testing.T) {
	for name, c := range beforeCases() {
		t.Run(name, func(t *testing.T) {
			servers := three(t)
			ask := func(what string, servers testkit.Servers, holds []string) int {
				t.Helper()
				question := c.first(t, servers)
				for _, part := range holds {
					if !strings.Contains(question, part) {
						t.Fatalf("with %s the first question lacks %s, want it there: what is measured else means nothing", what, part)
					}
				}
				return tokens.Count(t, question)
			}
			none := ask("no servers", nil, nil)
			direct := ask("three servers", servers, c.direct) - none
			gateway := ask("the gateway", behind(t, servers), c.gateway) - none
			t.Logf("%s: three servers %d tokens, the gateway before them %d", name, direct, gateway)
			if gateway > mostBefore {
				t.Errorf("the gateway costs %d tokens before anything is asked, want at most %d", gateway, mostBefore)
			}
		})
	}
}

// TestBefore_whatASearchCosts logs how long the answers to searches are.
func TestBefore_whatASearchCosts(t *testing.T) {
	servers := three(t)
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("agent"), Env: []string{testkit.Built(t)}})
	for name := range servers {
		g.Await(t, "server ready", "server", name)
	}
	a := testkit.Agent{ID: "agent", Caller: g.Raw(t)}
	var costs []int
	for _, query := range []string{"read a file", "add two numbers", "create entities in the knowledge graph", "search_files", "move a file to another folder", "what is in this directory", "echo a message"} {
		answer := a.Call(t, "search_tools", map[string]any{"query": query}).Good(t)
		costs = append(costs, tokens.Count(t, string(answer.Structured)))
	}
	slices.Sort(costs)
	t.Logf("answers of search_tools: %v tokens, the median %d", costs, costs[len(costs)/2])
	if median := costs[len(costs)/2]; median > 1200 {
		t.Errorf("the median answer has %d tokens, want at most 1200", median)
	}
}

// mostBefore is what the gateway may cost: its four definitions, its instructions,
// and what the client writes around them.
const mostBefore = 1200

// loading is a model for which Codex loads all tools.
const loading = "gpt-5.1"

func firstOfCodex(t *testing.T, name string, servers testkit.Servers) string {
	t.Helper()
	m := startModel(t, func(question) map[string]any {
		return map[string]any{"type": "message", "role": "assistant", "id": "m", "content": []any{map[string]any{"type": "output_text", "text": "done"}}}
	})
	runCodex(t, m, name, entriesOf(t, servers))
	return m.questions()[0].whole
}

func firstOfClaude(t *testing.T, servers testkit.Servers, env ...string) string {
	t.Helper()
	if servers == nil {
		servers = testkit.Servers{}
	}
	m := startMessages(t, map[string]any{"text": "done"})
	claude(t, m, servers, env...)
	return m.questions()[0]
}
