package main

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
)

func TestFleetCommand_showsWhoRunsWhat(t *testing.T) {
	now := time.Now()
	f := admin.Fleet{
		Name: "prod", Node: "n1", TenureMS: 4000, Generation: 7, InForce: 7, Owners: map[string]string{"files": "n1", "db": "n1", "web": "gone"},
		Nodes: []admin.FleetNode{
			{ID: "n1", Address: "10.0.0.1:7946", Version: "v1.2.3", Since: now.Add(-time.Hour), Generation: 7},
			{ID: "n2", Address: "10.0.0.2:7946", Version: "v1.2.3", Since: now, Generation: 7, Leaving: true},
		},
	}
	var out strings.Builder
	if err := showFleet(&out, f, false, now); err != nil {
		t.Errorf("got %v of a fleet that is well, want no error", err)
	}
	for _, want := range []string{"db, files", "10.0.0.2:7946", "7 (leaves)", "prod, this is node n1 of 2 gateways"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", out.String(), want)
		}
	}
	f.TenureMS = 0
	if err := showFleet(&out, f, true, now); err == nil {
		t.Error("got no error without tenure, want one for scripts")
	}
}

// A gateway may lack a variable on purpose: others run what needs it.
func TestFleetCommand_serverThatSomebodyCanStart_isNoFault(t *testing.T) {
	for name, c := range map[string]struct {
		change func(nodes []admin.FleetNode)
		code   int
		want   string
	}{
		"one cannot":              {func(n []admin.FleetNode) { n[0].Cannot = []string{"db"} }, 0, "n1 cannot run db"},
		"each cannot another one": {func(n []admin.FleetNode) { n[0].Cannot, n[1].Cannot = []string{"db"}, []string{"web"} }, 0, "n2 cannot run web"},
		"nobody can":              {func(n []admin.FleetNode) { n[0].Cannot, n[1].Cannot = []string{"db"}, []string{"db", "web"} }, 1, "no gateway can start db:"},
		"the other one leaves":    {func(n []admin.FleetNode) { n[0].Cannot, n[1].Leaving = []string{"db"}, true }, 1, "no gateway can start db:"},
		"each lists no more":      {func(n []admin.FleetNode) { n[0].Cannot, n[1].Cannot = []string{"db", "…"}, []string{"web", "…"} }, 0, "n1 cannot run db, …"},
	} {
		nodes := []admin.FleetNode{{ID: "n1", Generation: 7}, {ID: "n2", Generation: 7}}
		c.change(nodes)
		var out strings.Builder
		err := showFleet(&out, admin.Fleet{Name: "prod", Node: "n1", TenureMS: 4000, Generation: 7, InForce: 7, Nodes: nodes}, false, time.Now())
		if (err != nil) != (c.code != 0) || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: got %v and\n%s\nwant exit code %d, and %q in it", name, err, out.String(), c.code, c.want)
		}
	}
}
