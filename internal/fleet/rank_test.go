package fleet_test

import (
	"fmt"
	"testing"

	"gatehouse/internal/fleet"
)

// nodes returns nodes by their ids, all of one version.
func nodes(ids ...string) map[string]fleet.Node {
	all := map[string]fleet.Node{}
	for _, id := range ids {
		all[id] = fleet.Node{ID: id, Version: "v1.2.3"}
	}
	return all
}

// first returns the node that claims a key first.
func first(t *testing.T, key string, all map[string]fleet.Node) string {
	t.Helper()
	found := ""
	for id := range all {
		if rank, may := fleet.Rank(key, id, all); may && rank == 0 {
			if found != "" {
				t.Fatalf("%s: got both %s and %s as the first, want one", key, found, id)
			}
			found = id
		}
	}
	return found
}

func TestRank_eachKey_hasOneOrderOfAllNodes(t *testing.T) {
	all := nodes("a", "b", "c", "d")
	for i := range 50 {
		key := fmt.Sprintf("server-%d", i)
		seen := map[int]string{}
		for id := range all {
			rank, may := fleet.Rank(key, id, all)
			if other, twice := seen[rank]; twice || !may || rank >= len(all) {
				t.Fatalf("%s: got rank %d for %s (may claim: %v), which %q has as well, want each once below %d", key, rank, id, may, other, len(all))
			}
			seen[rank] = id
		}
	}
}

func TestRank_keysAreShared(t *testing.T) {
	all := nodes("gw-7f9c-1", "gw-7f9c-2", "gw-7f9c-3")
	count := map[string]int{}
	for i := range 300 {
		count[first(t, fmt.Sprintf("server-%d", i), all)]++
	}
	for id, n := range count {
		if n < 60 || n > 140 {
			t.Errorf("got %d of 300 servers for %s, want about a third", n, id)
		}
	}
}

func TestRank_nodeGoes_moveItsKeysOnly(t *testing.T) {
	all, fewer := nodes("a", "b", "c"), nodes("a", "b")
	for i := range 100 {
		key := fmt.Sprintf("server-%d", i)
		was, is := first(t, key, all), first(t, key, fewer)
		if was != "c" && was != is {
			t.Errorf("%s: got %s once c has gone, want %s as before", key, is, was)
		}
	}
}

func TestRank_whoLeavesOrIsNotThere_claimsNothing(t *testing.T) {
	all := nodes("a", "b")
	all["a"] = fleet.Node{ID: "a", Leaving: true}
	if rank, may := fleet.Rank("s", "a", all); may {
		t.Errorf("got rank %d for a node that leaves, want none", rank)
	}
	if rank, may := fleet.Rank("s", "x", all); may {
		t.Errorf("got rank %d for a node that is not there, want none", rank)
	}
	if rank, may := fleet.Rank("s", "b", all); !may || rank != 0 {
		t.Errorf("got rank %d (may claim: %v) for the only other one, want 0", rank, may)
	}
}

func TestRank_newestVersionFirst(t *testing.T) {
	order := []string{"v1.10.0", "v1.9.2-12-gabc", "v1.9.2-4-gdef", "v1.9.2", "v1.9.2-rc10", "v1.9.2-rc2", "v1.9", "development"}
	for i, newer := range order[:len(order)-1] {
		all := nodes("a", "b")
		older := order[i+1]
		for _, key := range []string{"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"} {
			all["a"], all["b"] = fleet.Node{Version: newer}, fleet.Node{Version: older}
			if got := first(t, key, all); got != "a" {
				t.Errorf("%s: got %s with %s first, want %s", key, got, older, newer)
			}
			all["a"], all["b"] = fleet.Node{Version: older}, fleet.Node{Version: newer}
			if got := first(t, key, all); got != "b" {
				t.Errorf("%s: got %s with %s first, want %s", key, got, older, newer)
			}
		}
	}
}
