package cpu_test

import (
	"testing"

	"gatehouse/internal/cpu"
)

func TestIdle_isAPart(t *testing.T) {
	m := cpu.NewMeter()
	if m == nil {
		t.Fatal("got no meter, want one")
	}
	for range 200_000_000 {
		if part, known := m.Idle(); known {
			if part < 0 || part > 1 {
				t.Errorf("got %v, want 0 to 1", part)
			}
			return
		}
	}
	t.Error("nothing is known, though time passes")
}

func TestParseTicks(t *testing.T) {
	for stat, want := range map[string]struct {
		idle, total float64
		ok          bool
	}{
		"cpu  1 2 3 40 5 6 7 8 9 10\ncpu0 1": {40, 72, true},
		"cpu0 1 2 3 40 5 6 7 8 9 10":         {},
		"cpu 1 2 3":                          {},
		"cpu 1 2 3 x 5 6 7 8":                {},
		"":                                   {},
	} {
		idle, total, ok := cpu.ParseTicks(stat)
		if ok != want.ok || ok && (idle != want.idle || total != want.total) {
			t.Errorf("of %q: got %v of %v, %t; want %v of %v, %t", stat, idle, total, ok, want.idle, want.total, want.ok)
		}
	}
}

func TestParseSpent(t *testing.T) {
	const stat = "usage_usec 2500000\nuser_usec 1\n"
	for limit, want := range map[string][2]float64{
		"150000 100000": {2.5, 1.5}, "max 100000": {}, "": {}, "1 0": {},
	} {
		if used, perSecond := cpu.ParseSpent(limit, stat); used != want[0] || perSecond != want[1] {
			t.Errorf("of %q: got %v used of %v a second, want %v", limit, used, perSecond, want)
		}
	}
	if used, perSecond := cpu.ParseSpent("100000 100000", "nothing"); used != 0 || perSecond != 0 {
		t.Errorf("without a use: got %v and %v, want no limit", used, perSecond)
	}
}
