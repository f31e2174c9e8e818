package admin_test

import (
	"strings"
	"testing"

	"gatehouse/internal/admin"
)

func TestFleet_saysWhatIsNotAsItShouldBe(t *testing.T) {
	days := 3
	well := admin.Fleet{Name: "prod", Node: "n1", TenureMS: 4000, Generation: 7, InForce: 7, Nodes: []admin.FleetNode{{ID: "n1", Generation: 7}, {ID: "n2", Generation: 7}}}
	for _, c := range []struct {
		name, want string
		change     func(*admin.Fleet)
		well       bool
	}{
		{"well", "prod, this is node n1 of 2 gateways", func(*admin.Fleet) {}, true},
		{"no tenure", "has not answered for 9s", func(f *admin.Fleet) { f.TenureMS, f.StoreSilentMS = 0, 9000 }, false},
		{"no configuration", "gatehouse apply", func(f *admin.Fleet) { f.Generation, f.InForce = 0, 0 }, false},
		{"a configuration that it cannot follow", "generation 7; if it cannot, \"gatehouse logs\" says why", func(f *admin.Fleet) { f.InForce = 0 }, false},
		{"leaving", "it leaves", func(f *admin.Fleet) { f.Leaving = true }, false},
		{"one behind", "n2 decides by generation 5", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7}, {ID: "n2", Generation: 5}}
		}, false},
		{"certificate", "ends in 3 days", func(f *admin.Fleet) { f.CertificateDays = &days }, false},
		{"a pair cut off", "n1 cannot reach n2: the connection timed out", func(f *admin.Fleet) { f.Unreached = map[string]string{"n2": "the connection timed out"} }, false},
		{"a process that does not end", "processes of db do not end here", func(f *admin.Fleet) { f.Stuck = []string{"db"} }, false},
		{"another pair cut off", "n2 cannot reach n1, n3", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7}, {ID: "n2", Generation: 7, Unreached: []string{"n1", "n3"}}}
		}, false},
		{"a clock behind", "the clock of n2 is 1m0s behind", func(f *admin.Fleet) { f.ClocksMS = map[string]int64{"n2": -60_000} }, false},
		{"a clock ahead", "the clock of n2 is 1h0m0s ahead", func(f *admin.Fleet) { f.ClocksMS = map[string]int64{"n2": 3_600_000} }, false},
		{"an upgrade", "versions differ: v1 at 1, v2 at 1", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7, Version: "v1"}, {ID: "n2", Generation: 7, Version: "v2"}}
		}, true},
		{"a variable that one lacks", "n2 cannot run db", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7}, {ID: "n2", Generation: 7, Cannot: []string{"db"}}}
		}, true},
		{"a server that nobody can start", "n1 cannot run db", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7, Cannot: []string{"db"}}, {ID: "n2", Generation: 7, Cannot: []string{"db", "web"}}}
		}, false},
		{"a server that only one who leaves can start", "n1 cannot run db", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7, Cannot: []string{"db"}}, {ID: "n2", Generation: 7, Leaving: true}}
		}, false},
		{"a server that only one behind can start", "n1 cannot run db", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7, Cannot: []string{"db"}}, {ID: "n2", Generation: 7, Behind: true}}
		}, false},
		{"gateways that list no more of what they cannot run", "n1 cannot run …", func(f *admin.Fleet) {
			f.Nodes = []admin.FleetNode{{ID: "n1", Generation: 7, Cannot: []string{"…"}}, {ID: "n2", Generation: 7, Cannot: []string{"…"}}}
		}, true},
		{"damaged", "1 key of the store", func(f *admin.Fleet) { f.Damaged = []string{"owners/x: no"} }, false},
	} {
		f := well
		c.change(&f)
		if got := f.String(); !strings.Contains(got, c.want) || f.Well() != c.well {
			t.Errorf("%s: got %q, well %t; want %q in it, and well %t", c.name, got, f.Well(), c.want, c.well)
		}
	}
}
