package main

import (
	"strings"
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/messages"
	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

// Whoever is asked to wake a server and cannot claim it says so at once: then another
// gateway is asked, and the call does not wait in vain.
func TestFleet_wakingWhatThisGatewayMayNotClaim_isDenied(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		route := func(name string, scope serversfile.Scope) *snapshot.Route {
			cell := endpoint.NewCell(name, endpoint.Identity{Spec: name}, endpoint.Status{State: endpoint.Idle})
			if scope != "" {
				cell.Split(func(string) *redact.Redactor { return nil })
			}
			return &snapshot.Route{Entry: serversfile.Entry{Name: name, Transport: serversfile.Stdio, Settings: serversfile.Settings{Scope: scope, MaxInstances: 9}}, Cell: cell}
		}
		began := time.Now()
		standing := fleetactor.NewStanding(func() fleet.Instant { return fleet.Instant(time.Since(began)) + 1 })
		supervisor := w.Probe()
		a := app{store: &snapshot.Store{}, sys: w.System, supervisorPID: supervisor.PID, fleet: &fleetSide{standing: standing}}
		a.store.Replace(snapshot.New(1, time.Now(), policy.Compile(policy.Rules{}), "", []*snapshot.Route{route("files", ""), route("docs", serversfile.ScopeAgent)}))
		denied := func(key, why string) {
			t.Helper()
			if err := a.wakeForPeer(key); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%q: got %v, want it denied as %q", key, err, why)
			}
		}
		denied("files", "may not claim anything") // It has no lease yet.
		store := fleetkit.NewMemoryStore()
		member := w.Spawn(fleetactor.Props(fleetactor.Config{
			Store: store.Client(), TTL: 4 * time.Second, Node: fleet.Node{ID: "a", Boot: "b", Address: "a:1"}, Standing: standing, MaxInstances: 1, Log: w.Logs.Logger(),
		}))
		w.Sleep(time.Second)
		if err := a.wakeForPeer("files"); err != nil {
			t.Errorf("files: got %v, want it woken", err)
		}
		if m := testkit.Expect[messages.WakeServer](t, supervisor); m.Name != "files" {
			t.Errorf("%s is woken, want files", m.Name)
		}
		first := fleet.KeyOf("docs", "1")
		w.System.Root.Send(member, messages.WantOwner{Key: first, Name: "docs[1]", Cell: endpoint.NewCell("docs[1]", endpoint.Identity{}, endpoint.Status{})})
		w.Sleep(time.Second)
		denied(fleet.KeyOf("docs", "2"), "as many instances for agents as it may")
		w.Send(member, messages.CannotFollow{Generation: 2, Problems: []string{"no"}})
		w.Sleep(time.Second)
		denied("files", "may not claim anything")
	})
}
