package fleet_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/internal/fleet"
)

func TestIsolated_isWhomMostCannotReach(t *testing.T) {
	for name, c := range map[string]struct {
		unreached map[string][]string // by node
		want      []string
	}{
		"all is well":                 {map[string][]string{"a": nil, "b": nil, "c": nil}, nil},
		"both others":                 {map[string][]string{"a": nil, "b": {"a"}, "c": {"a"}}, []string{"a"}},
		"both ways":                   {map[string][]string{"a": {"b", "c"}, "b": {"a"}, "c": {"a"}}, []string{"a"}},
		"one pair":                    {map[string][]string{"a": {"b"}, "b": {"a"}, "c": nil}, nil},
		"two, who cannot tell who it": {map[string][]string{"a": {"b"}, "b": {"a"}}, nil},
		"nobody reaches anybody":      {map[string][]string{"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}}, nil},
		"half of five":                {map[string][]string{"a": nil, "b": {"a"}, "c": {"a"}, "d": nil, "e": nil}, nil},
		"most of five":                {map[string][]string{"a": nil, "b": {"a"}, "c": {"a"}, "d": {"a"}, "e": nil}, []string{"a"}},
		"one that is gone":            {map[string][]string{"a": {"x"}, "b": {"x"}, "c": {"x"}}, nil},
		"itself, and twice":           {map[string][]string{"a": {"a", "a"}, "b": nil, "c": nil}, nil},
	} {
		nodes := map[string]fleet.Node{}
		for id, others := range c.unreached {
			nodes[id] = fleet.Node{ID: id, Unreached: fleet.Unreached(others)}
		}
		if got := fleet.Isolated(nodes); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestClockOff(t *testing.T) {
	asked := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name              string
		took, ahead, want time.Duration
	}{
		{"the same", 10 * time.Millisecond, 0, 0},
		{"tolerated", 10 * time.Millisecond, 5 * time.Second, 0},
		{"ahead", 10 * time.Millisecond, time.Minute, time.Minute},
		{"behind", 10 * time.Millisecond, -time.Hour, -time.Hour},
		{"as slow as that", 4 * time.Second, 6 * time.Second, 0},
	} {
		if got := fleet.ClockOff(asked, asked.Add(c.took), asked.Add(c.took/2+c.ahead)); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	if got := fleet.ClockOff(asked, asked, time.Time{}); got != 0 {
		t.Errorf("no time: got %v, want 0", got)
	}
}
