package main

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
)

// The last of the waits is written as gateways do that do not say of which server it is.
func TestFleet_releaseFrom_takesWaitsThatThereAre(t *testing.T) {
	v := fleet.View{Nodes: map[string]fleet.Node{
		"n1": {Waits: fleet.Waits([]fleet.Awaiting{{Server: "files", At: []string{"n2"}}, {Server: "db[ci]", Of: "db", Unasked: []string{"n3"}}, {Server: "notes[x[1]]", At: []string{"n2"}}})}, "n2": {},
	}}
	for _, c := range []struct {
		server, node string
		want         bool
	}{{"files", "n2", true}, {"db", "n3", true}, {"files", "n3", false}, {"db", "n2", false}, {"notes", "n2", true}, {"notes[x[1]]", "n2", false}, {"db[ci]", "n3", false}, {"web", "n2", false}} {
		if err := mayDespite(v, c.server, c.node); (err == nil) != c.want {
			t.Errorf("release %s --from %s: got %v, want it taken: %t", c.server, c.node, err, c.want)
		}
	}
}

func TestFleetCommand_whatWaits_saysForWhomAndWhatToDo(t *testing.T) {
	f := admin.Fleet{
		Name: "prod", Node: "n3", TenureMS: 4000, Generation: 7, InForce: 7, Nodes: []admin.FleetNode{{ID: "n3", Generation: 7}},
		Waits: []admin.FleetWait{{Node: "n1", Server: "files", Since: time.Unix(0, 0), At: []string{"n2"}, Unasked: []string{"n4"}}},
	}
	got := fleetText(f, time.Now())
	for _, want := range []string{
		"files is not started: n1 has claimed it and waits since 00:00:00Z until nothing of it runs any more at n2", "n4, which cannot be asked",
		`"gatehouse release files --from n2"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %q in it", got, want)
		}
	}
	if f.Well() {
		t.Error("got that all is well, want that it is not")
	}
}

// While two versions run, what the command shows is what the gateway takes.
func TestFleet_waitOfAnInstance_thatAnOlderGatewayTellsOf_namesItsServer(t *testing.T) {
	v := fleet.View{Nodes: map[string]fleet.Node{"n1": {Waits: `[{"server":"notes[x]","since":"2026-01-01T00:00:00Z","at":["n2"]}]`}}}
	got := fleetText(fleetOf("prod", v), time.Now())
	if want := `"gatehouse release notes --from n2"`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %q in it", got, want)
	}
	if err := mayDespite(v, "notes", "n2"); err != nil {
		t.Errorf("release notes --from n2: got %v, want it taken", err)
	}
}
