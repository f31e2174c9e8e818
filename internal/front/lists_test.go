package front_test

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/testkit"
)

// lists asks what db lists, as agent a.
func (h *house) lists(ctx context.Context) (*endpoint.Catalog, *front.Failure) {
	c := &front.Call{RequestedAgent: "a", Target: front.Target{Kind: &resources, Server: "db"}}
	h.router.Start(c)
	defer h.router.Finish(c)
	a, err := h.router.Lists(ctx, c)
	if err != nil {
		return nil, c.End(err)
	}
	return a.Catalog, c.End(nil)
}

func TestLists_areForThoseWhoMayUseTheServer(t *testing.T) {
	db := testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri)
	h := newHouse(t, front.Config{}, db)
	catalog, fail := h.lists(t.Context())
	if fail != nil || len(catalog.Names()) != 1 {
		t.Fatalf("got %+v (%v), want the one resource", catalog, fail)
	}
	h.Next(denyAll, db)
	if catalog, fail = h.lists(t.Context()); codeOf(fail) != front.CodeDenied || catalog != nil {
		t.Errorf("got %q and the list %+v, want DENIED_BY_POLICY and none", codeOf(fail), catalog)
	}
}

// Who waits for the first list of a server hears of the gateway's end.
func TestLists_waitingAtTheEndOfTheGateway_areRefused(t *testing.T) {
	h := newHouse(t, front.Config{}, testkit.NewBackend("db", endpoint.Status{State: endpoint.Idle}))
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	woken := 0
	h.Wake = func(string, *endpoint.Cell) {
		if woken++; woken == 1 {
			h.router.Stop()
		} else {
			cancel(errors.New("it asks again and again")) // Or it would for ever.
		}
	}
	if _, fail := h.lists(ctx); codeOf(fail) != front.CodeServerUnavailable || fail.State != string(endpoint.Stopped) || woken != 1 {
		t.Errorf("got %+v after %d attempts, want SERVER_UNAVAILABLE as it is stopped, after 1", fail, woken)
	}
}
