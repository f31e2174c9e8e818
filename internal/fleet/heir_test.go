package fleet_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"gatehouse/internal/fleet"
)

// voyage is a fleet whose gateways come and go.
type voyage struct {
	t        *testing.T
	view     fleet.View
	moves    map[string]int // by key
	revision int64
}

func setOut(t *testing.T) *voyage {
	t.Helper()
	return &voyage{t: t, moves: map[string]int{}, view: fleet.View{
		Nodes: map[string]fleet.Node{}, Joined: map[string]int64{}, Owners: map[string]fleet.Owner{},
	}}
}

func (y *voyage) joins(id, version string) {
	y.revision++
	y.view.Nodes[id] = fleet.Node{ID: id, Version: version}
	y.view.Joined[id] = y.revision
	for key, o := range y.view.Owners {
		if o.Node == "" {
			y.moved(key, id)
		}
	}
}

func (y *voyage) leaves(id string) {
	n := y.view.Nodes[id]
	n.Leaving = true
	y.view.Nodes[id] = n
	keys := y.owned(id)
	heirs := fleet.Heirs(y.view, id, keys, false)
	delete(y.view.Nodes, id)
	for _, key := range keys {
		y.moved(key, heirs[key])
	}
}

func (y *voyage) moved(key, to string) {
	if _, lives := y.view.Nodes[to]; !lives && (to != "" || len(y.view.Nodes) > 0) {
		y.t.Fatalf("%s: got %q as its heir, want one of %v", key, to, slices.Sorted(maps.Keys(y.view.Nodes)))
	}
	if to != "" {
		y.moves[key]++
	}
	y.view.Owners[key] = fleet.Owner{Node: to}
}

func (y *voyage) owned(id string) (keys []string) {
	for key, o := range y.view.Owners {
		if o.Node == id {
			keys = append(keys, key)
		}
	}
	return keys
}

// roll replaces all gateways, in any order. With a surge so many are started before as
// many leave; without one each leaves, and another one is started in its place. It
// returns what the first ones to leave had owned.
func (y *voyage) roll(r *rand.Rand, round, surge int, version string) (first []string) {
	clear(y.moves)
	old := slices.Sorted(maps.Keys(y.view.Nodes))
	r.Shuffle(len(old), func(i, j int) { old[i], old[j] = old[j], old[i] })
	for i, batch := range slices.Collect(slices.Chunk(old, max(surge, 1))) {
		start := func() {
			for j := range batch {
				y.joins(fmt.Sprintf("n%d-%d-%d", round, i, j), version)
			}
		}
		if surge > 0 {
			start()
		}
		if i == 0 {
			first = y.owned(batch[0])
		}
		for _, id := range batch {
			y.leaves(id)
		}
		if surge == 0 {
			start()
		}
	}
	return first
}

// A rolling restart moves a server once, if a new gateway is there before the first one
// leaves. Else what that one has must go to one that is yet to be restarted: it moves
// twice, and nothing more often.
func TestHeirs_rollingRestart_movesEachServerOnce(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		y := setOut(t)
		for i := range 2 + r.IntN(6) {
			y.joins(fmt.Sprintf("n%d", i), "v1.2.3")
		}
		ids := slices.Sorted(maps.Keys(y.view.Nodes))
		for i := range r.IntN(30) {
			y.view.Owners[fmt.Sprintf("s%d", i)] = fleet.Owner{Node: ids[r.IntN(len(ids))]}
		}
		for round, version := range []string{"v1.2.3", "v1.3.0", "v1.3.0", "v1.2.3", "v1.2.3"} { // An upgrade and the way back among them.
			surge := r.IntN(4)
			first := y.roll(r, round, surge, version)
			for key := range y.view.Owners {
				want := 1
				if surge == 0 && slices.Contains(first, key) {
					want = 2
				}
				if got := y.moves[key]; got != want {
					t.Fatalf("seed %d, round %d with %d started before: %s moved %d times, want %d", seed, round, surge, key, got, want)
				}
			}
		}
	}
}

func TestHeirs(t *testing.T) {
	node := func(version string, first int64) fleet.Node {
		return fleet.Node{Version: version, First: first, Generation: 7}
	}
	for name, c := range map[string]struct {
		nodes   map[string]fleet.Node
		settled bool
		want    map[string]int // how many of six servers each inherits
	}{
		"nobody":                    {nodes: map[string]fleet.Node{}, want: map[string]int{}},
		"the one that joined again": {nodes: map[string]fleet.Node{"b": node("v1", 3), "c": node("v1", 2)}, want: map[string]int{"b": 6}},
		"nothing is being replaced": {nodes: map[string]fleet.Node{"b": node("v1", 3), "c": node("v1", 2)}, settled: true, want: map[string]int{"b": 2, "c": 4}},
		"all of another version":    {nodes: map[string]fleet.Node{"b": node("v2", 3), "c": node("v2", 4), "d": node("v1", 2)}, want: map[string]int{"b": 2, "c": 4}},
		"those that follow":         {nodes: map[string]fleet.Node{"b": node("v1", 2), "c": {Version: "v1", First: 3, Generation: 6}}, want: map[string]int{"b": 6}},
		"nobody follows":            {nodes: map[string]fleet.Node{"c": {Version: "v1", First: 3}}, want: map[string]int{"c": 6}},
		"those that stay":           {nodes: map[string]fleet.Node{"b": node("v1", 2), "c": {Version: "v1", First: 3, Generation: 7, Leaving: true}}, want: map[string]int{"b": 6}},
	} {
		c.nodes["a"] = node("v1", 1)
		v := fleet.View{Nodes: c.nodes, Joined: map[string]int64{"c": 9, "b": 8}, Owners: map[string]fleet.Owner{"x": {Node: "b"}, "y": {Node: "b"}}}
		got := map[string]int{}
		for _, heir := range fleet.Heirs(v, "a", []string{"1", "2", "3", "4", "5", "6"}, c.settled) {
			got[heir]++
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestHeirs_whoCannotStartAServer_doesNotInheritIt(t *testing.T) {
	y := setOut(t)
	for _, id := range []string{"a", "b", "c"} {
		y.joins(id, "v1.0.0")
	}
	last := y.view.Nodes["c"]
	last.Cannot = fleet.Names([]string{"files"})
	y.view.Nodes["c"] = last
	got := fleet.Heirs(y.view, "a", []string{"files", "web", fleet.KeyOf("files", "agent")}, false)
	if got["web"] != "c" || got["files"] != "b" || got[fleet.KeyOf("files", "agent")] != "b" {
		t.Errorf("got the heirs %v, want c, the last that was started, and b for what c cannot start", got)
	}
	able := maps.Clone(y.view.Nodes)
	delete(able, "c")
	for id := range able {
		rank, may := fleet.Rank("files", id, y.view.Nodes)
		if want, _ := fleet.Rank("files", id, able); !may || rank != want {
			t.Errorf("%s has rank %d of files, may claim it: %t; want rank %d, as without c", id, rank, may, want)
		}
	}
	if _, may := fleet.Rank("files", "c", y.view.Nodes); may {
		t.Error("c may claim files, want that it may not")
	}
}
