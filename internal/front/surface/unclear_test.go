package surface_test

import (
	"strings"
	"testing"

	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

// On a surface no call has an agent_id: what it says of one would help nobody.
func TestCalls_ofAnUnclearAgent_sayWhatCanBeDoneAboutTheConnection(t *testing.T) {
	const required, fallback = `{"agents": {"a": {"allow": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": true}}`,
		`{"agents": {"a": {"allow": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": false}}`
	for name, c := range map[string]struct {
		rules string
		cfg   front.Config
		agent string
		code  string
		want  string
	}{
		"none is named, and one is required": {required, front.Config{}, "", "INVALID_AGENT_ID", "one is required here. Tell the user to name one"},
		"none is named, and none is there":   {fallback, front.Config{}, "", "NO_FALLBACK_CONFIGURED", "to set GATEWAY_DEFAULT_AGENT"},
		"the rules lack the one to fall back on": {
			fallback, front.Config{DefaultAgent: "z"}, "", "FALLBACK_AGENT_NOT_IN_RULES", "to change GATEWAY_DEFAULT_AGENT",
		},
		"another is named than the pinned ones": {required, front.Config{Pinned: []string{"a", "b"}}, "z", "INVALID_AGENT_ID", "It may be: a, b. Tell the user"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewStage(t, c.rules, testkit.ReadyBackend("db", testkit.Hangs).Has(`{"name":"query"}`))
			on := &stage{s, surface.Gateway{Router: s.Router(c.cfg), Version: "1.2"}.One("db")}
			for method, params := range map[string]string{"tools/call": `{"name":"query"}`, "tools/list": "", "resources/read": `{"uri":"file:///x"}`} {
				result, failure := on.ask(agents.Caller{Client: "tester/1", Protocol: "2025-11-25", Agent: c.agent}, method, params)
				got := result + failure
				if !strings.Contains(got, c.code) || !strings.Contains(got, c.want) || !strings.Contains(got, "?agent=NAME") || strings.Contains(got, "agent_id") {
					t.Errorf("%s: got %s, want %s with %q, and no word of agent_id", method, got, c.code, c.want)
				}
			}
		})
	}
}
