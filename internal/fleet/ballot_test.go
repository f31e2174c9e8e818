package fleet_test

import (
	"slices"
	"testing"

	"gatehouse/internal/fleet"
)

// ballotOf returns a view with candidate 7 and nodes a, b and c, and what they say.
func ballotOf(acks ...fleet.Ack) fleet.View {
	v := fleet.View{Revision: 20, Candidate: &fleet.Content{Candidate: 7}, Nodes: nodes("a", "b", "c"), Acks: map[string]fleet.Ack{}}
	for _, a := range acks {
		v.Acks[a.Node] = a
	}
	return v
}

// can says that a node can follow candidate 7, with these values of a variable.
func can(node, digest string) fleet.Ack {
	return fleet.Ack{Node: node, Candidate: 7, Digests: map[string]string{fleet.DigestName("s", "TOKEN"): digest, fleet.DigestName("s", "SAME"): "x"}}
}

func cannot(node string) fleet.Ack {
	return fleet.Ack{Node: node, Candidate: 7, Problems: []string{"TOKEN is not set"}}
}

func TestCount_verdicts(t *testing.T) {
	active := ballotOf(can("a", "1"))
	active.Active = &fleet.Content{Candidate: 7}
	leaving := ballotOf(can("a", "1"), can("b", "1"))
	leaving.Nodes["c"] = fleet.Node{ID: "c", Leaving: true}
	behind := func(acks ...fleet.Ack) fleet.View {
		v := ballotOf(acks...)
		v.Nodes["c"] = fleet.Node{ID: "c", Behind: true}
		return v
	}
	allBehind := behind(cannot("a"), can("b", "1"))
	for _, id := range []string{"a", "b"} {
		allBehind.Nodes[id] = fleet.Node{ID: id, Behind: true}
	}
	empty := ballotOf()
	empty.Nodes = nil
	other := ballotOf(can("a", "1"))
	other.Candidate = &fleet.Content{Candidate: 8}
	for _, c := range []struct {
		name string
		view fleet.View
		skip []string
		want fleet.Verdict
		acks []string
	}{
		{"all can follow", ballotOf(can("a", "1"), can("b", "1"), can("c", "1")), nil, fleet.Agreed, []string{"a", "b", "c"}},
		{"one has not answered", ballotOf(can("a", "1"), can("b", "1")), nil, fleet.Waiting, []string{"a", "b"}},
		{"one has answered about another candidate", ballotOf(can("a", "1"), can("b", "1"), fleet.Ack{Node: "c", Candidate: 6}), nil, fleet.Waiting, []string{"a", "b"}},
		{"one cannot", ballotOf(can("a", "1"), can("b", "1"), cannot("c")), nil, fleet.Refused, []string{"a", "b"}},
		{"one cannot, one has not answered", ballotOf(can("a", "1"), cannot("c")), nil, fleet.Refused, []string{"a"}},
		{"who cannot is skipped", ballotOf(can("a", "1"), can("b", "1"), cannot("c")), []string{"c"}, fleet.Agreed, []string{"a", "b"}},
		{"who does not answer is skipped", ballotOf(can("a", "1"), can("b", "1")), []string{"c"}, fleet.Agreed, []string{"a", "b"}},
		{"one resolves a variable differently", ballotOf(can("a", "1"), can("b", "2"), can("c", "1")), nil, fleet.Refused, []string{"a", "b", "c"}},
		{"who resolves it differently is skipped", ballotOf(can("a", "1"), can("b", "2"), can("c", "1")), []string{"b"}, fleet.Agreed, []string{"a", "c"}},
		{"the one that has not answered leaves", leaving, nil, fleet.Agreed, []string{"a", "b"}},
		{"who cannot was behind already", behind(can("a", "1"), can("b", "1"), cannot("c")), nil, fleet.Agreed, []string{"a", "b"}},
		{"who was behind has not answered", behind(can("a", "1"), can("b", "1")), nil, fleet.Agreed, []string{"a", "b"}},
		{"who was behind resolves a variable differently", behind(can("a", "1"), can("b", "1"), can("c", "2")), nil, fleet.Agreed, []string{"a", "b", "c"}},
		{"all are behind, and one cannot", allBehind, nil, fleet.Refused, []string{"b"}},
		{"all are skipped", ballotOf(), []string{"a", "b", "c"}, fleet.Nobody, nil},
		{"no node lives", empty, nil, fleet.Nobody, nil},
		{"another candidate", other, nil, fleet.Overtaken, nil},
		{"it is active", active, nil, fleet.InForce, []string{"a"}},
	} {
		got := fleet.Count(c.view, 7, c.skip)
		if got.Verdict != c.want || c.acks != nil && !slices.Equal(got.Acks, c.acks) || got.Counted != 20 {
			t.Errorf("%s: got verdict %d with the acks %v at %d, want %d with %v at 20", c.name, got.Verdict, got.Acks, got.Counted, c.want, c.acks)
		}
	}
}

func TestCount_saysWhoAndWhy(t *testing.T) {
	got := fleet.Count(ballotOf(can("a", "1"), can("b", "2"), cannot("c")), 7, nil)
	if want := []string{`server "s": ${TOKEN} has different values: one on a; another on b`}; !slices.Equal(got.Differences, want) {
		t.Errorf("got %q, want %q", got.Differences, want)
	}
	if len(got.Nodes) != 3 || got.Nodes[2].Answer != fleet.Cannot || !slices.Equal(got.Nodes[2].Problems, []string{"TOKEN is not set"}) {
		t.Errorf("got %+v, want that c cannot, and why", got.Nodes)
	}
	majority := fleet.Count(ballotOf(can("a", "2"), can("b", "1"), can("c", "1")), 7, nil)
	if want := []string{`server "s": ${TOKEN} has different values: one on b, c; another on a`}; !slices.Equal(majority.Differences, want) {
		t.Errorf("got %q, want %q", majority.Differences, want)
	}
}
