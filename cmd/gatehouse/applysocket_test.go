package main

import (
	"strings"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
)

func TestApply_withoutAStore_needsAGatewayOfAFleet(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*applyOptions)
		want   string // in the error; empty: none
	}{
		"the gateway that runs here": {func(*applyOptions) {}, ""},
		"its fleet by name":          {func(o *applyOptions) { o.fleet.name = "shop" }, ""},
		"first":                      {func(o *applyOptions) { o.first = true }, "--first needs --fleet"},
		"a store of no fleet":        {func(o *applyOptions) { o.fleet.store = []string{"http://127.0.0.1:1"} }, "needs --fleet"},
		"no time":                    {func(o *applyOptions) { o.wait = 0 }, "--wait is 0s"},
	} {
		o := applyOptions{wait: applyPatience}
		c.change(&o)
		err := o.check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q in the error", name, err, c.want)
		}
	}
}

// What comes by a socket looks as what comes straight from the store.
func TestApply_whatAGatewaySays_isPrintedAsEver(t *testing.T) {
	out, problem, _ := applied(t, func(a *applier) { a.skip = []string{"n9"} }, nil, &replica{id: "n1", says: can("1")}, &replica{id: "n2", says: cannot})
	a := resultOf(t, func(a *applier) { a.skip = []string{"n9"} }, &replica{id: "n1", says: can("1")}, &replica{id: "n2", says: cannot})
	if a.Outcome != admin.NotApplied || len(a.Replicas) != 2 || a.Replicas[1].Answer != string(fleet.Cannot) || len(a.Replicas[1].Problems) != 1 {
		t.Errorf("got %+v, want it not applied, and what both have said", a)
	}
	var again strings.Builder
	err := printApplied(&again, a)
	if err == nil || err.Error() != problem || !sameLines(again.String(), out) {
		t.Errorf("got %q and %v, want %q and %q", again.String(), err, out, problem)
	}
	well := resultOf(t, nil, &replica{id: "n1", says: can("1")})
	again.Reset()
	if err := printApplied(&again, well); err != nil || well.Outcome != admin.InForce || !strings.Contains(again.String(), "in force on 1 replica") {
		t.Errorf("got %q, %v of %+v, want it in force on 1 replica", again.String(), err, well)
	}
}

// sameLines reports whether two texts have the same lines in any order: replicas answer
// when they like.
func sameLines(a, b string) bool {
	for line := range strings.Lines(a) {
		if !strings.Contains(b, line) {
			return false
		}
	}
	return len(a) == len(b)
}

// resultOf applies a configuration to a fleet of these replicas, and returns the result.
func resultOf(t *testing.T, change func(*applier), replicas ...*replica) (result admin.Applied) {
	t.Helper()
	var made *applier
	applied(t, func(a *applier) {
		made = a
		if change != nil {
			change(a)
		}
	}, nil, replicas...)
	return made.result
}
