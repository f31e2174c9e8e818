package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

// Its owner must not have to look into the log for why a server doesn't start,
// nor must an agent.
func TestFailedStart_theServersOwnWords_areInStatusAndAnswer(t *testing.T) {
	t.Parallel()
	node := strings.Join([]string{
		"node:internal/modules/cjs/loader:1143", "  throw err;", "  ^", "", "Error: Cannot find module x", "    at Module.load",
		"  code: 'MODULE_NOT_FOUND'", "}", "", "Node.js v20.11.0", "",
	}, "\n")
	restart := map[string]any{"max_failures": 0}
	g, a := begin(t, testkit.Servers{
		"node":  testkit.Entry{"command": "sh", "args": []string{"-c", `printf '%s' "$1" >&2; exit 1`, "sh", node}}.Settings("restart", restart),
		"usage": testkit.Entry{"command": "sh", "args": []string{"-c", `echo "usage: server FOLDER"`}}.Settings("restart", restart),
	})
	for server, want := range map[string]string{"node": "Error: Cannot find module x", "usage": "usage: server FOLDER"} {
		if line := g.Await(t, "server quarantined", "server", server); !strings.Contains(line.Str("reason"), want) {
			t.Errorf("%s is quarantined for %q, want it to quote %q", server, line.Str("reason"), want)
		}
		if _, st := statusOf(t, g, server); !strings.Contains(st.LastError, want) || !strings.Contains(st.Reason, want) {
			t.Errorf("%s: status says %q and %q, want both to quote %q", server, st.LastError, st.Reason, want)
		}
		if e := unavailable(t, a, server, "quarantined"); !strings.Contains(e.Message, want) {
			t.Errorf("%s: the agent reads %q, want it to quote %q", server, e.Message, want)
		}
	}
}

// A try costs nothing where no process is started.
func TestURLServer_thatComesLate_isUsableByTheNextCall(t *testing.T) {
	t.Parallel()
	web := testkit.StartHTTPFake(t)
	web.Kill()
	restart := map[string]any{"initial_ms": 20, "max_ms": 3600000, "max_failures": 0}
	g, a := begin(t, testkit.Servers{"web": testkit.Entry{"url": web.Base + "/mcp"}.Settings("restart", restart)})
	g.Await(t, "server backing off", "server", "web", "attempt", 9)
	if e := a.Execute(t, "web", "echo", nil, map[string]any{"timeout_ms": 3000}).Failed(t, "SERVER_UNAVAILABLE"); !strings.Contains(e.Message, "refused") {
		t.Errorf("the agent reads %q, want it to say that the connection is refused", e.Message)
	}
	web.Restart(t)
	a.Execute(t, "web", "echo", nil).Good(t)
	if n := g.Count(0, "server quarantined", "server", "web"); n != 0 {
		t.Errorf("it was quarantined %d times, want never", n)
	}
}
