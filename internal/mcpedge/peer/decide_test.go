package peer_test

import (
	"errors"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
)

// deniesAll is an owner whose rules allow nothing.
func deniesAll(o *owner) {
	o.decide = func(peer.Asked) *endpoint.Denied {
		return &endpoint.Denied{Step: "tool_denied_exact", Rule: "agents.ci.deny.tools"}
	}
}

func TestCall_theOwnersRulesDeny_reachesNoServer(t *testing.T) {
	var asked peer.Asked
	o := newOwner(t, testkit.Says(`{}`), deniesAll, func(o *owner) {
		denies := o.decide
		o.decide = func(r peer.Asked) *endpoint.Denied { asked = r; return denies(r) }
	})
	s := o.open(t)
	_, err := s.Call(t.Context(), call("c1"))
	denied, ok := errors.AsType[*endpoint.Denied](err)
	if !ok || denied.Step != "tool_denied_exact" || denied.Rule != "agents.ci.deny.tools" {
		t.Errorf("got %v (%+v), want a denial with the owner's step and rule", err, denied)
	}
	if asked.Agent != "ci" || asked.Method != "tools/call" || string(asked.Params) != string(call("c1").Params) {
		t.Errorf("the rules were asked about %+v, want the call as the server would get it", asked)
	}
	if got := o.ids(); len(got) > 0 {
		t.Errorf("the calls %v reached the server, want none", got)
	}
	if err := s.Err(); err != nil {
		t.Errorf("the session ended (%v), want that it goes on", err)
	}
	if free := o.cell.InFlight(); free != 0 {
		t.Errorf("got %d calls in flight afterwards, want 0", free)
	}
}

// The gateway that calls has heard of new rules a moment before the owner: its calls are
// not denied by the old ones.
func TestCall_decidedByANewerGeneration_isDecidedOnceTheOwnerHasIt(t *testing.T) {
	asked := make(chan struct{}, 2)
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) {
		o.decide = func(peer.Asked) *endpoint.Denied {
			defer func() { asked <- struct{}{} }()
			if o.generation.Load() < 6 {
				return &endpoint.Denied{}
			}
			return nil
		}
	})
	s := o.open(t)
	req := call("c1")
	req.Generation = 6
	done := begun(t.Context(), s, req)
	await(t, "the first decision", asked)
	o.generation.Store(6)
	if err := await(t, "the answer", done); err != nil {
		t.Errorf("got %v, want an answer by the new rules", err)
	}
}

func TestFollow_whatNobodyMayRead_isNotAskedFor(t *testing.T) {
	var asked peer.Asked
	o := newOwner(t, testkit.Says(`{}`), deniesAll, func(o *owner) {
		denies := o.decide
		o.decide = func(r peer.Asked) *endpoint.Denied { asked = r; return denies(r) }
	})
	s := o.open(t)
	here := &endpoint.Notices{}
	go peer.Follow(t.Context(), s, here)
	sub, err := here.Subscribe("file:///a", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the answer to the subscription", sub.Settled())
	if _, err := sub.Answer(); err == nil {
		t.Error("the subscription was accepted, want a refusal")
	}
	if asked.Agent != "" || asked.Method != "resources/subscribe" || string(asked.Params) != `{"uri":"file:///a"}` {
		t.Errorf("the rules were asked about %+v, want a subscription to file:///a by anybody", asked)
	}
	if want, _ := o.cell.Notices().Wanted(); len(want.Topics) > 0 {
		t.Errorf("the server is asked for %v, want nothing", want.Topics)
	}
}
