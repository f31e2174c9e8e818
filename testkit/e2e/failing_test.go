//go:build unix

package e2e_test

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

// failure is a server that can't start, and what it says.
type failure struct {
	entry testkit.Entry
	want  string
}

func failing(t *testing.T) map[string]failure {
	t.Helper()
	all := map[string]failure{
		"a key is missing":       {fromNPM(t, "mcp-server-brave-search"), "BRAVE_API_KEY environment variable is required"},
		"an argument is missing": {fromNPM(t, "mcp-server-filesystem", "/no/such/folder"), "None of the specified directories are accessible"},
		"it needs a terminal":    {fromNPM(t, "codex"), "stdin is not a terminal"},
		"a package is missing, npx": {
			testkit.Entry{"command": "npx", "args": []string{"--offline", "--yes", "gatehouse-no-such-server"}}, "gatehouse-no-such-server",
		},
	}
	if hasPython(t) {
		all["a package is missing, python"] = failure{
			testkit.Entry{"command": python(t, "new"), "args": []string{"-m", "mcp_server_no_such"}}, "No module named mcp_server_no_such",
		}
		all["made for another SDK"] = failure{fromPyPI(t, "old", "python", "-c", "from mcp.server import MCPServer"), "cannot import name 'MCPServer'"}
		all["its arguments are not right"] = failure{fromPyPI(t, "new", "mcp-server-time", "--timezone"), "unrecognized arguments: --timezone"}
	}
	return all
}

// What a real server says when it can't start reaches the operator, and the
// agent that asks for it.
func TestFailing_theReasonIsToldEverywhere(t *testing.T) {
	reasons := failing(t)
	servers := testkit.Servers{}
	name := func(what string) string { return strings.NewReplacer(" ", "-", ",", "").Replace(what) }
	for what, r := range reasons {
		servers[name(what)] = r.entry.Settings("restart", map[string]any{"max_failures": 0})
	}
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("agent"), Env: []string{testkit.Built(t)}})
	a := g.Agent(t, "agent")
	for what := range reasons {
		g.Await(t, "server quarantined", "server", name(what))
	}
	all := status(t, g)
	for what, r := range reasons {
		t.Run(what, func(t *testing.T) {
			server := name(what)
			if s := all[server]; !strings.Contains(s.LastError, r.want) || !strings.Contains(s.Reason, r.want) {
				t.Errorf("the status says %q and %q, want %q in both", s.LastError, s.Reason, r.want)
			}
			page := strings.Join(strings.Fields(operate(t, g, "status", server)), " ")
			if !strings.Contains(page, r.want) {
				t.Errorf("status %s says %q, want %q in it", server, page, r.want)
			}
			answer := a.Execute(t, server, "any", nil).Failed(t, "SERVER_UNAVAILABLE")
			if !strings.Contains(answer.Message, r.want) {
				t.Errorf("the agent reads %q, want %q in it", answer.Message, r.want)
			}
			t.Logf("the agent reads: %s", answer.Message)
		})
	}
}
