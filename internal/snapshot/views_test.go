package snapshot_test

import (
	"testing"
	"time"

	"gatehouse/internal/snapshot"
)

func TestRemember_computesOncePerKeyAndState(t *testing.T) {
	s := snapshot.New(1, time.Now(), nil, "", nil)
	n := 0
	get := func(key, state any) int {
		v, _ := s.Remember(key, state, func() any { n++; return n }).(int)
		return v
	}
	for i, c := range []struct {
		key, state any
		want       int
	}{{"a", 1, 1}, {"a", 1, 1}, {"b", 1, 2}, {"a", 2, 3}, {"a", 2, 3}, {"b", 1, 2}} {
		if got := get(c.key, c.state); got != c.want {
			t.Errorf("question %d: got the value of computation %d, want %d", i, got, c.want)
		}
	}
	for i := range 20_000 {
		get(i, nil)
	}
	before := n
	if get(19_999, nil); n != before+1 {
		t.Errorf("beyond the bound: got %d computations, want that nothing more is kept", n-before)
	}
	if get("a", 2); n != before+1 {
		t.Errorf("what was kept before: got %d computations, want none", n-before-1)
	}
}
