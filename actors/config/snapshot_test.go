package config_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// rulesWithToken lets a token be an agent.
func rulesWithToken(token, agent string) string {
	return fmt.Sprintf(`{"agents": {%[1]q: {"allow": {"servers": ["*"]}}}, "defaults": {"tokens": [{"id": "t", "agents": [%[1]q], "sha256": %[2]q}]}}`,
		agent, identity.DigestOf(token))
}

// mayBe are the agents that a token's bearer may be by the snapshot in force.
func (s *stage) mayBe(token string) []string {
	s.t.Helper()
	caller, err := s.snap.Credentials.CheckToken(token, time.Now())
	if err != nil {
		return nil
	}
	return caller.Agents
}

func TestSnapshot_hasTheCredentialsOfTheRulesFile(t *testing.T) {
	const first, second = "the-first-token-0123456789abcdef01", "the-second-token-0123456789abcdef0"
	f := withServers(`{"mcpServers": {"db": {"command": "db"}}}`)
	f[rulesFile] = rulesWithToken(first, "alice")
	inOffice(t, f, nil, func(t *testing.T, s *stage) {
		want := func(when, token string, agents ...string) {
			t.Helper()
			if got := s.mayBe(token); !slices.Equal(got, agents) {
				t.Errorf("%s: by the snapshot's credentials the token may be %v, want %v", when, got, agents)
			}
		}
		s.inForce()
		_ = s.report()
		want("at the start", first, "alice")
		s.apply(messages.RoleRules, rulesFile, rulesWithToken(second, "bob"))
		want("after new rules", first)
		want("after new rules", second, "bob")
		s.apply(messages.RoleServers, serversFile, `{"mcpServers": {}}`)
		want("after a new servers file", second, "bob")
		s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"db": {"command": "db"}}}`)
		s.ask(messages.RestartServer{Name: "db"})
		s.inForce()
		testkit.Expect[messages.OperateReply](t, s.operator)
		want("after a restart by the operator", second, "bob")
	})
}

func TestDiff_drainsEachServerForItsOwnTimeout(t *testing.T) {
	const servers = `{"mcpServers": {
		"gone":    {"command": "g", "gateway": {"drain_timeout_ms": 7000}},
		"changed": {"command": "c", "gateway": {"drain_timeout_ms": 9000}},
		"default": {"command": "d"}}}`
	inOffice(t, withServers(servers), nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		// What still runs was promised the old time.
		d, _ := s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"changed": {"command": "c2", "gateway": {"drain_timeout_ms": 1}}}}`)
		want := map[string]time.Duration{"gone": 7 * time.Second, "changed": 9 * time.Second, "default": 5 * time.Minute}
		if len(d.Drain) != len(want) {
			t.Errorf("got %d servers to drain, want %d", len(d.Drain), len(want))
		}
		for _, x := range d.Drain {
			if x.Timeout != want[x.Name] {
				t.Errorf("%s is drained for %s, want %s as its entry says", x.Name, x.Timeout, want[x.Name])
			}
		}
	})
}
