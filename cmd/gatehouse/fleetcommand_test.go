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
