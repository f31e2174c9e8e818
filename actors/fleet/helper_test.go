package fleet_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

const ttl = 4 * time.Second

// sea is a fleet in a bubble: a store, and gateways whose supervisors a test plays.
type sea struct {
	*testkit.World
	t     *testing.T
	store *fleetkit.MemoryStore
	began time.Time
}

func atSea(t *testing.T, f func(t *testing.T, s *sea)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		f(t, &sea{World: w, t: t, store: fleetkit.NewMemoryStore(), began: time.Now()})
	})
}

func (s *sea) now() fleet.Instant { return fleet.Instant(time.Since(s.began)) + 1 }

// logged reports whether somebody has logged a message with this in it.
func (s *sea) logged(part string) bool {
	return slices.ContainsFunc(s.Logs.All(), func(r testkit.Logged) bool { return strings.Contains(r.Msg, part) })
}

// ship is one gateway.
type ship struct {
	s        *sea
	id       string
	pid      *actor.PID
	way      *fleetkit.MemoryClient // to the store
	standing *fleetactor.Standing
	sup      *testkit.Probe
	cells    map[string]*endpoint.Cell
	mu       sync.Mutex
	guard    fleet.Instant
	runs     map[string]bool // what it hears whether anything runs, by the addresses of others
	away     map[string]bool // the addresses that do not answer
	stuck    map[string]bool // what runs here, by key
	taken    error
	content  []messages.FleetChanged
}

// sets adds a gateway to the fleet. change changes how it begins.
func (s *sea) sets(id string, change ...func(*fleetactor.Config)) *ship {
	sh := &ship{
		s: s, id: id, way: s.store.Client(), sup: s.Probe(), cells: map[string]*endpoint.Cell{},
		runs: map[string]bool{}, away: map[string]bool{}, stuck: map[string]bool{}, standing: fleetactor.NewStanding(s.now),
	}
	cfg := fleetactor.Config{
		Store: sh.way, TTL: ttl, Node: fleet.Node{ID: id, Boot: "boot of " + id, Address: id + ":1", Version: "v1.2.3"}, Standing: sh.standing,
		Guard: func(until fleet.Instant) error {
			sh.mu.Lock()
			defer sh.mu.Unlock()
			sh.guard = until
			return nil
		},
		Running: func(_ context.Context, address, _ string) (bool, error) {
			sh.mu.Lock()
			defer sh.mu.Unlock()
			if sh.away[address] {
				return false, errors.New("no answer")
			}
			return sh.runs[address], nil
		},
		Runs: func(key string) bool { sh.mu.Lock(); defer sh.mu.Unlock(); return sh.stuck[key] },
		Once: func() []string {
			sh.mu.Lock()
			defer sh.mu.Unlock()
			return slices.DeleteFunc(slices.Collect(maps.Keys(sh.stuck)), func(key string) bool { return !sh.stuck[key] })
		},
		Taken:   func(err error) { sh.mu.Lock(); defer sh.mu.Unlock(); sh.taken = err },
		Content: func(m messages.FleetChanged) { sh.mu.Lock(); defer sh.mu.Unlock(); sh.content = append(sh.content, m) },
		Log:     s.Logs.Logger(),
	}
	for _, c := range change {
		c(&cfg)
	}
	sh.pid = s.Spawn(fleetactor.Props(cfg))
	s.Sleep(10 * time.Millisecond)
	return sh
}

// with changes what a test has said of a gateway.
func (sh *ship) with(change func()) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	change()
}

// handed is what was handed on last.
func (sh *ship) handed() messages.FleetChanged {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(sh.content) == 0 {
		return messages.FleetChanged{}
	}
	return sh.content[len(sh.content)-1]
}

// gaveUp is why the gateway cannot be one of the fleet.
func (sh *ship) gaveUp() error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.taken
}

// guarded is when the guard ends what runs by claims.
func (sh *ship) guarded() fleet.Instant {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.guard
}

// tells sends the actor something of the supervisor.
func (sh *ship) tells(m any) {
	sh.s.System.Root.RequestWithCustomSender(sh.pid, m, sh.sup.PID)
}

// wants has a server run somewhere.
func (sh *ship) wants(key string) *endpoint.Cell { return sh.wantsSo(key, false) }

func (sh *ship) wantsSo(key string, lazy bool) *endpoint.Cell {
	sh.cells[key] = endpoint.NewCell(key, endpoint.Identity{Spec: key}, endpoint.Status{State: endpoint.Starting})
	sh.tells(messages.WantOwner{Key: key, Name: key, Cell: sh.cells[key], Lazy: lazy})
	return sh.cells[key]
}

// couple is two gateways that want one server, which a runs.
func (s *sea) couple(t *testing.T) (a, b *ship, m messages.OwnedHere) {
	t.Helper()
	a = s.sets("a")
	a.wants("files")
	m = a.owns(t, "files")
	a.says(m, readyBusy)
	b = s.sets("b")
	b.wants("files")
	return a, b, m
}

// says tells what has become of a server that runs here.
func (sh *ship) says(m messages.OwnedHere, r fleet.Record) {
	sh.tells(messages.ServerState{Key: m.Key, Epoch: m.Epoch, Record: r})
	sh.s.Sleep(10 * time.Millisecond)
}

// owns waits until the gateway is told to run a server.
func (sh *ship) owns(t *testing.T, key string) messages.OwnedHere {
	t.Helper()
	m := testkit.ExpectThat(t, sh.sup, func(m messages.OwnedHere) bool { return m.Key == key })
	if !sh.standing.Holds(key, m.Epoch) || m.Cell != sh.cells[key] {
		t.Errorf("%s is told to run %s by epoch %d, and may not use it or in another cell, want that it may", sh.id, key, m.Epoch)
	}
	return m
}

// hears waits until the gateway is told that another one runs a server in a state.
func (sh *ship) hears(t *testing.T, node string, state endpoint.State) messages.OwnedThere {
	t.Helper()
	return testkit.ExpectThat(t, sh.sup, func(m messages.OwnedThere) bool { return m.Owner.Node == node && m.Record.State == state })
}

// loses waits until the gateway is told that it may act no more, and has all end.
func (sh *ship) loses(t *testing.T) {
	t.Helper()
	testkit.Expect[messages.TenureLost](t, sh.sup)
	if left := sh.standing.Tenure(); left != 0 {
		t.Errorf("%s has %v left, want nothing", sh.id, left)
	}
	sh.s.System.Root.Send(sh.pid, messages.TenureLeft{}) // As the supervisor answers: without a sender.
}

// dies ends a gateway as kill -9 does: nobody says anything to the store.
func (sh *ship) dies() {
	sh.way.Cut()
	sh.s.System.Root.Stop(sh.pid)
	sh.s.Sleep(0)
}

var readyBusy = fleet.Record{State: endpoint.Ready, Run: 3, Opened: 1, Busy: true}
