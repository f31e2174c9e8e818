package main

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/fleet"
)

func TestPlanMove(t *testing.T) {
	v := fleet.View{
		Nodes: map[string]fleet.Node{"n1": {ID: "n1"}, "n2": {ID: "n2"}, "n3": {ID: "n3", Leaving: true}, "n4": {ID: "n4", Cannot: "db files"}},
		Owners: map[string]fleet.Owner{
			"db": {Node: "n1", Epoch: 5}, fleet.KeyOf("files", "a"): {Node: "n1", Epoch: 6}, fleet.KeyOf("files", "b"): {Node: "n2", Epoch: 7},
			fleet.KeyOf("files", "c"): {Node: "n1", Epoch: 8},
		},
	}
	for _, c := range []struct{ server, node, want string }{
		{"db", "n2", "n1 to n2: 1"},
		{"db", "", "n1 to n2: 1"},
		{"files", "n2", "n1 to n2: 2"},
		{"files", "", "n1 to n2: 2, n2 to n1: 1"},
		{"db", "n1", `"db" is at n1 already`},
		{"db", "n3", "n3 leaves the fleet"},
		{"db", "n9", `no gateway "n9": there are n1, n2, n3, n4`},
		{"db", "n4", `n4 cannot start "db"`},
		{"idle", "n1", `no gateway runs "idle"`},
	} {
		leaves, err := planMove(v, c.server, c.node)
		var parts []string
		for _, l := range leaves {
			parts = append(parts, fmt.Sprintf("%s to %s: %d", l.owner.Node, l.to, len(l.keys)))
		}
		got := strings.Join(parts, ", ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s to %q: got %q, want %q", c.server, c.node, got, c.want)
		}
	}
	delete(v.Nodes, "n2")
	if leaves, err := planMove(v, "db", ""); err == nil {
		t.Errorf("a gateway alone: got %v, want it refused", leaves)
	}
}
