package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
)

const someToken = "gatehouse_someSomeSomeSomeSomeSomeSomeSomeSome"

func tokenFor(agents ...string) *identity.Set {
	return identity.Compile(identity.Credentials{Tokens: []identity.Token{
		{ID: "laptop", Agents: agents, Digest: identity.DigestOf(someToken)},
	}})
}

// credentials puts others into the present generation.
func (g *stage) credentials(set *identity.Set) {
	g.Change(func(now *snapshot.Snapshot) { now.Credentials = set })
}

// bearer is a caller that was let in with a token.
func bearer(t *testing.T, set *identity.Set) agents.Caller {
	t.Helper()
	who, err := set.CheckToken(someToken, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := old
	c.Identity = who
	return c
}

const twoAgents = `{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {"allow": {"servers": ["*"]}}}}`

func TestCredential_pinsTheCaller(t *testing.T) {
	cases := []struct {
		name, agent, want string
		pinned            []string
		now               *identity.Set // in force when the call comes
	}{
		{"missing is the first of the token", ``, "", nil, tokenFor("a", "b")},
		{"another of the token", `"agent_id":"b",`, "", nil, tokenFor("a", "b")},
		{"a foreign agent", `"agent_id":"c",`, "INVALID_AGENT_ID", nil, tokenFor("a", "b")},
		{"an agent that the listener is not pinned to", `"agent_id":"a",`, "INVALID_AGENT_ID", []string{"b"}, tokenFor("a", "b")},
		{"missing is the first that both allow", ``, "", []string{"b"}, tokenFor("a", "b")},
		{"no agent in common", ``, "INVALID_AGENT_ID", []string{"z"}, tokenFor("a", "b")},
		{"an agent that the token may be no longer", `"agent_id":"a",`, "INVALID_AGENT_ID", nil, tokenFor("b")},
		{"a token that is gone", ``, "INVALID_AGENT_ID", nil, identity.Compile(identity.Credentials{})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGateWith(t, settings{Pinned: c.pinned}, twoAgents, up("db", testkit.Says(oneText)))
			g.credentials(c.now)
			got := g.callAs(t.Context(), bearer(t, tokenFor("a", "b")), "execute_tool", `{`+c.agent+`"server":"db","tool":"query"}`, nil)
			if got.err.Code != c.want {
				t.Errorf("got %+v, want %q", got.err, c.want)
			}
			if r := g.Record(); r.Credential != "laptop" {
				t.Errorf("the audit log has credential %q, want %q", r.Credential, "laptop")
			}
		})
	}
}

func TestCredential_ofWhoeverIsNotAskedForOne(t *testing.T) {
	g := newGate(t, allowAll, up("db", testkit.Says(oneText)))
	g.credentials(tokenFor("b"))
	if got := g.execute("db", "query"); got.err.Code != "" {
		t.Errorf("over stdio: got %+v, want a result", got.err)
	}
	anonymous := old
	anonymous.Identity = identity.Anonymous()
	got := g.callAs(t.Context(), anonymous, "execute_tool", `{"agent_id":"a","server":"db","tool":"query"}`, nil)
	if got.err.Code != "INVALID_AGENT_ID" {
		t.Errorf("let in before there were tokens: got %+v, want INVALID_AGENT_ID", got.err)
	}
}

func TestCredential_removedWhileACallWaits_refusesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was := server("db", endpoint.Status{State: endpoint.Starting})
		g := newGate(t, twoAgents, was)
		g.credentials(tokenFor("a"))
		caller := bearer(t, tokenFor("a"))
		done := g.later(func() answer {
			return g.callAs(context.Background(), caller, "execute_tool", `{"server":"db","tool":"query"}`, nil)
		})
		time.Sleep(time.Second)
		g.Next(twoAgents, was) // A generation without credentials.
		session := testkit.NewSession(1, testkit.Says(oneText))
		testkit.Publish(was.Cell, ready(1, session))
		if got := <-done; got.err.Code != "INVALID_AGENT_ID" || len(session.Calls()) > 0 {
			t.Errorf("got %+v, %d calls written, want INVALID_AGENT_ID and 0", got.err, len(session.Calls()))
		}
	})
}
