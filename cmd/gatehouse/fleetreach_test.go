package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
	fleetkit "gatehouse/testkit/fleet"
)

// harbour is the store of a fleet of two, of which n1 runs "db".
type harbour struct {
	t      *testing.T
	store  *fleetkit.MemoryStore
	leases map[string]fleet.Lease
	epoch  int64
}

func inHarbour(t *testing.T, do func(t *testing.T, h *harbour)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &harbour{t: t, store: fleetkit.NewMemoryStore(), leases: map[string]fleet.Lease{}}
		c := h.store.Client()
		candidate, err := c.Propose(t.Context(), fleet.Content{Servers: []byte("{}"), Rules: []byte("{}"), By: "me"})
		if err != nil {
			t.Fatal(err)
		}
		generation, err := c.Activate(t.Context(), candidate, nil, candidate)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"n1", "n2"} {
			l, _, err := c.Join(t.Context(), fleet.Node{ID: id, Boot: id, Address: id + ":1", Version: "v1", Generation: generation}, time.Hour, 0)
			if err != nil {
				t.Fatal(err)
			}
			h.leases[id] = l
		}
		h.epoch = h.owns("n1", endpoint.Ready)
		do(t, h)
	})
}

// owns has a gateway own the server, which is in a state there.
func (h *harbour) owns(id string, state endpoint.State) (epoch int64) {
	h.t.Helper()
	c := h.store.Client()
	o, won, err := c.Claim(h.t.Context(), "db", fleet.Owner{Node: id, Boot: id, Address: id + ":1"}, h.leases[id])
	if err != nil || !won {
		h.t.Fatalf("got %v and %v for a claim of %s, want it won", won, err, id)
	}
	if err := c.Write(h.t.Context(), "db", o.Epoch, fleet.Record{State: state, Epoch: o.Epoch, Node: id}); err != nil {
		h.t.Fatal(err)
	}
	return o.Epoch
}

func TestFleetByStore_showsWhatTheStoreHas(t *testing.T) {
	inHarbour(t, func(t *testing.T, h *harbour) {
		v, err := firstView(t.Context(), h.store.Client())
		if err != nil {
			t.Fatal(err)
		}
		f := fleetOf("shop", v)
		text := fleetText(f, time.Now())
		for _, want := range []string{"shop, as its store says: 2 gateways", "n1:1", "db"} {
			if !strings.Contains(text, want) {
				t.Errorf("got\n%s\nwant %q in it", text, want)
			}
		}
		if !f.Well() {
			t.Errorf("got %+v as not well, want it well", f)
		}
		if f.Nodes = nil; f.Well() {
			t.Error("a fleet without gateways is well, want that it is not")
		}
	})
}

func TestMoveByStore_asksTheOwner_andWaits(t *testing.T) {
	inHarbour(t, func(t *testing.T, h *harbour) {
		c := h.store.Client()
		m := &mover{store: c, now: time.Now, ask: func(_ context.Context, address string, m peer.Move) error {
			if address != "n1:1" || m != (peer.Move{Server: "db", Node: "n2"}) {
				t.Errorf("got %+v asked of %s, want n1 to leave db to n2", m, address)
			}
			go func() {
				time.Sleep(time.Second)
				_ = c.Release(context.WithoutCancel(t.Context()), "db", h.epoch)
				time.Sleep(time.Second)
				h.owns("n2", endpoint.Ready)
			}()
			return nil
		}}
		moved, err := m.move(t.Context(), "db", "")
		if err != nil || len(moved.Nodes) != 1 || moved.Nodes[0] != "n2" || moved.State != string(endpoint.Ready) {
			t.Errorf("got %+v and %v, want it ready at n2", moved, err)
		}
	})
}

// Nobody claims what starts with its next call.
func TestMoveByStore_ofALazyServer_returnsOnceNobodyClaimsIt(t *testing.T) {
	inHarbour(t, func(t *testing.T, h *harbour) {
		c := h.store.Client()
		m := &mover{store: c, now: time.Now, ask: func(ctx context.Context, _ string, _ peer.Move) error { return c.Release(ctx, "db", h.epoch) }}
		moved, err := m.move(t.Context(), "db", "n2")
		if err != nil || len(moved.Nodes) != 0 || moved.State != string(endpoint.Idle) {
			t.Errorf("got %+v and %v, want it idle", moved, err)
		}
	})
}

// A store that says nothing has not seen the move.
func TestMoveByStore_silentStore_isNoEnd(t *testing.T) {
	inHarbour(t, func(t *testing.T, h *harbour) {
		m := &mover{store: h.store.Client(), now: time.Now, ask: func(context.Context, string, peer.Move) error {
			h.store.Freeze()
			return nil
		}}
		if moved, err := m.move(t.Context(), "db", "n2"); err == nil || !strings.Contains(err.Error(), "is still moving") {
			t.Errorf("got %+v and %v, want that it is not known", moved, err)
		}
		h.store.Thaw()
	})
}

func TestMoveByStore_whatDoesNotMove_saysWhy(t *testing.T) {
	inHarbour(t, func(t *testing.T, h *harbour) {
		m := &mover{store: h.store.Client(), now: time.Now, ask: func(context.Context, string, peer.Move) error { return nil }}
		for _, c := range []struct{ server, node, want string }{{"db", "n9", `no gateway "n9"`}, {"web", "", `no gateway runs "web"`}, {"db", "n2", "is still moving"}} {
			if _, err := m.move(t.Context(), c.server, c.node); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s to %q: got %v, want %q in it", c.server, c.node, err, c.want)
			}
		}
		m.ask = func(context.Context, string, peer.Move) error { return errors.New("no hands") }
		if _, err := m.move(t.Context(), "db", "n2"); err == nil || !strings.Contains(err.Error(), "n1 does not move it: no hands") {
			t.Errorf("got %v, want the owner's own words", err)
		}
	})
}

func TestStoreOptions_whichOfBoth(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("GATEHOUSE_HOME", t.TempDir())
	for name, c := range map[string]struct {
		args []string
		want string // in the error
	}{
		"a store of no fleet":   {[]string{"--fleet-store", "http://127.0.0.1:1"}, "needs --fleet"},
		"no fleet's name":       {[]string{"--fleet-store", "http://127.0.0.1:1", "--fleet", "A B"}, "small letters"},
		"a store":               {[]string{"--fleet-store", "http://127.0.0.1:1", "--fleet", "shop"}, ""},
		"a fleet, and no store": {[]string{"--fleet", "shop"}, "needs the store of that fleet"},
		"nothing, nobody runs":  {nil, "no gateway is running"},
	} {
		var by storeOptions
		var here running
		cmd := newFleetCommand()
		flags := cmd.Flags()
		if err := flags.Parse(c.args); err != nil {
			t.Fatal(err)
		}
		by.flags = flags
		by.fleet.name, _ = flags.GetString("fleet")
		by.fleet.store, _ = flags.GetStringSlice("fleet-store")
		gw, err := by.reach(t.Context(), &here)
		if gw != nil || (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v and %v, want no gateway and %q in the error", name, gw, err, c.want)
		}
	}
}
