package snapshot_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
)

func route(name string) *snapshot.Route { return &snapshot.Route{Entry: serversfile.Entry{Name: name}} }

func TestSnapshot_findsRoutesByExactName(t *testing.T) {
	now := time.Unix(7, 0)
	s := snapshot.New(3, now, policy.Compile(policy.Rules{}), "hash", []*snapshot.Route{route("b"), route("a")})
	if !slices.Equal(s.Names(), []string{"a", "b"}) {
		t.Errorf("names: got %v, want them sorted", s.Names())
	}
	if r, ok := s.Route("b"); !ok || r.Entry.Name != "b" {
		t.Errorf("got %v, %v, want b", r, ok)
	}
	if _, ok := s.Route("B"); ok {
		t.Error("names are told apart by case")
	}
	if s.Generation != 3 || s.Loaded != now || s.PolicyHash != "hash" || s.Policy == nil {
		t.Errorf("got %+v, want generation 3 of now, with its hash and policy", s)
	}
}

func TestStore_isEmptyUntilReplaced(t *testing.T) {
	var store snapshot.Store
	if store.Load() != nil {
		t.Fatal("the zero store is not empty")
	}
	first := snapshot.New(1, time.Time{}, nil, "", nil)
	second := snapshot.New(2, time.Time{}, nil, "", nil)
	store.Replace(first)
	store.Replace(second)
	if store.Load() != second {
		t.Errorf("got generation %d, want 2", store.Load().Generation)
	}
}
