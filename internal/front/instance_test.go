package front_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

const twoAgents = `{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {"allow": {"servers": ["*"]}}, ".": {"allow": {"servers": ["*"]}}, "c": {}}}`

// scopedHouse is a router before a server that runs once for each agent. Each
// instance answers with its agent's name once it is woken.
func scopedHouse(t *testing.T, most int) (*house, *testkit.Backend) {
	t.Helper()
	docs := testkit.NewBackend("docs", endpoint.Status{State: endpoint.Idle}).With(func(e *serversfile.Entry) {
		e.Settings.Scope, e.Settings.MaxInstances = serversfile.ScopeAgent, most
	})
	docs.Cell.Split(func(string) *redact.Redactor { return redact.New(nil) })
	h := &house{Stage: testkit.NewStage(t, twoAgents, docs)}
	h.Wake = func(_ string, cell *endpoint.Cell) {
		if cell.Instance() != nil && cell.Status().State == endpoint.Idle {
			testkit.Publish(cell, testkit.Ready(1, testkit.NewSession(1, testkit.Says(`{"of":"`+cell.Instance().Agent+`"}`))))
		}
	}
	h.router = h.Router(front.Config{})
	return h, docs
}

func (h *house) readBy(agent string) (string, error) {
	c := &read{}
	c.RequestedAgent, c.Caller = agent, agents.Caller{}
	c.Target = front.Target{Kind: &resources, Server: "docs", Name: uri}
	h.router.Start(&c.Call)
	defer h.router.Finish(&c.Call)
	err := h.router.Forward(context.Background(), &c.Call, c)
	if err != nil {
		return "", c.End(err)
	}
	return c.got, nil
}

func TestInstance_eachAgentReachesItsOwn(t *testing.T) {
	h, docs := scopedHouse(t, 16)
	for _, agent := range []string{"a", "b", "a"} {
		got, err := h.readBy(agent)
		if want := `{"of":"` + agent + `"}`; got != want {
			t.Errorf("%s is answered %s (%v), want %s", agent, got, err, want)
		}
	}
	if n := len(docs.Cell.Instances().List()); n != 2 {
		t.Errorf("there are %d instances, want 2", n)
	}
}

func TestInstance_whatCannotBe(t *testing.T) {
	h, docs := scopedHouse(t, 1)
	if _, err := h.readBy("a"); err != nil {
		t.Fatal(err)
	}
	for agent, want := range map[string]struct{ code, says string }{
		"b": {front.CodeServerUnavailable, "max_instances"},
		".": {front.CodeServerUnavailable, "could reach the files of others"},
		"c": {front.CodeDenied, "No server"},
	} {
		_, err := h.readBy(agent)
		fail, _ := errors.AsType[*front.Failure](err)
		if fail == nil || fail.Code != want.code || !strings.Contains(fail.Message, want.says) {
			t.Errorf("%q is answered %v, want %s that says %q", agent, err, want.code, want.says)
		}
	}
	if n := len(docs.Cell.Instances().List()); n != 1 {
		t.Errorf("there are %d instances, want 1", n)
	}
}

func TestInstance_afterItsEnd_theNextCallHasAnother(t *testing.T) {
	h, docs := scopedHouse(t, 16)
	if _, err := h.readBy("a"); err != nil {
		t.Fatal(err)
	}
	first := docs.Cell.Instances().List()[0]
	first.Close()
	if _, err := h.readBy("a"); err != nil {
		t.Errorf("the call after its end fails: %v, want it answered by another instance", err)
	}
}

func TestLists_ofAServerWithInstances(t *testing.T) {
	h, docs := scopedHouse(t, 16)
	list := func(agent string, own bool) []string {
		c := &front.Call{RequestedAgent: agent, Own: own, Target: front.Target{Kind: &resources, Server: "docs"}}
		h.router.Start(c)
		defer h.router.Finish(c)
		a, err := h.router.Lists(context.Background(), c)
		if err != nil {
			t.Fatalf("%s: got %v, want a list", agent, c.End(err))
		}
		return a.Catalog.Names()
	}
	h.Refresh = func(_ string, cell *endpoint.Cell) { cell.PublishCatalog(catalogOf("of-" + cell.Instance().Agent)) }
	if got := list("a", false); len(got) != 1 || got[0] != "of-a" {
		t.Errorf("before anybody has an instance a sees %q, want that of its own, begun for it", got)
	}
	if got := list("b", false); len(got) != 1 || got[0] != "of-a" {
		t.Errorf("b sees %q, want the list of the last instance that was seen", got)
	}
	if got := list("b", true); len(got) != 1 || got[0] != "of-b" {
		t.Errorf("b sees %q of its own instance, want that one's list", got)
	}
	if got := docs.Cell.Catalog().Names(); len(got) != 1 || got[0] != "of-b" {
		t.Errorf("the entry shows %q, want the list read last", got)
	}
}

func catalogOf(name string) endpoint.Catalog {
	return endpoint.Catalog{Known: true, At: time.Now(), Tools: []endpoint.Tool{{Name: name, Raw: json.RawMessage(`{"name":"` + name + `"}`)}}}
}

// A gateway of a fleet has room for so many instances of all servers.
func TestInstance_withoutRoomAtTheGateway_isRefused(t *testing.T) {
	h, docs := scopedHouse(t, 16)
	h.router = h.Router(front.Config{Room: func(server, agent string) bool { return server == "docs" && agent == "a" }})
	if got, err := h.readBy("a"); err != nil {
		t.Errorf("got %s and %v with room, want an answer", got, err)
	}
	_, err := h.readBy("b")
	f, _ := errors.AsType[*front.Failure](err)
	if f == nil || f.Code != front.CodeServerUnavailable || !strings.Contains(f.Message, "as one gateway of a fleet may") || f.RetryAfterMS == 0 {
		t.Errorf("got %v without room, want it refused with why, and when to try again", err)
	}
	if n := len(docs.Cell.Instances().List()); n != 1 {
		t.Errorf("there are %d instances, want 1", n)
	}
}
