package gate_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/testkit"
)

// A search is a call: it takes of what the agent may use, and is refused like one.
func TestSearch_countsWithinLimits(t *testing.T) {
	for _, c := range []struct {
		name, limits, rule string
		searches           int // that are answered
	}{
		{"calls a minute", `{"calls_per_minute": 2}`, "agents.a.limits.calls_per_minute", 2},
		{"a burst", `{"calls_per_minute": 60, "burst": 3}`, "agents.a.limits.calls_per_minute", 3},
		{"bytes an hour", `{"result_bytes_per_hour": 300}`, "agents.a.limits.result_bytes_per_hour", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rules := fmt.Sprintf(`{"agents": {"a": {"allow": {"servers": ["*"]}, "limits": %s}}}`, c.limits)
				g := newGate(t, rules, defines(up("git", testkit.Says(oneText)), "commit", "Records changes."))
				for range c.searches {
					g.search("record changes", "")
				}
				for tool, args := range map[string]string{
					"search_tools": `{"agent_id":"a","query":"record changes"}`, "execute_tool": `{"agent_id":"a","server":"git","tool":"commit"}`,
				} {
					if got := g.call(tool, args).err; got.Code != "RATE_LIMITED" || got.Rule != c.rule || got.RetryAfterMS == 0 {
						t.Errorf("%s: got %+v, want RATE_LIMITED by %s", tool, got, c.rule)
					}
				}
				for _, r := range g.Records()[c.searches:] {
					if r.Decision != "ALLOW" || r.Outcome != "RATE_LIMITED" {
						t.Errorf("the audit log has %s %s, want ALLOW RATE_LIMITED", r.Decision, r.Outcome)
					}
				}
				if got := g.call("list_servers", `{"agent_id":"a"}`); got.IsError {
					t.Errorf("list_servers: got %+v, want an answer", got.err)
				}
				time.Sleep(time.Hour)
				g.search("record changes", "")
			})
		})
	}
}

// A search is nothing that per_tool names, whatever its pattern.
func TestSearch_isNoToolOfPerTool(t *testing.T) {
	g := newGate(t, `{"agents": {"a": {"allow": {"servers": ["*"]}, "limits": {"per_tool": {"*": {"*": {"calls_per_minute": 1}}}}}}}`,
		defines(up("git", testkit.Says(oneText)), "commit", "Records changes."))
	for range 3 {
		g.search("record changes", "")
		g.search("record changes", `,"server":"git"`)
	}
	if got := g.execute("git", "commit"); got.IsError {
		t.Errorf("got %+v, want the one call that there may be", got.err)
	}
}

// What the rules deny costs nothing.
func TestSearch_ofADeniedServer_countsForNothing(t *testing.T) {
	g := newGate(t, `{"agents": {"a": {"allow": {"servers": ["git"]}, "limits": {"calls_per_minute": 1}}}}`,
		defines(up("git", testkit.Says(oneText)), "commit", "Records changes."))
	for range 3 {
		if got := g.call("search_tools", `{"agent_id":"a","query":"x","server":"secret"}`).err; got.Code != "DENIED_BY_POLICY" {
			t.Errorf("got %+v, want DENIED_BY_POLICY", got)
		}
	}
	g.search("record changes", "")
}
