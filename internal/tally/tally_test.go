package tally_test

import (
	"sync"
	"testing"
	"time"

	"gatehouse/internal/tally"
)

func TestCounts(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		took     []time.Duration
		p50, p99 time.Duration
	}{
		"no calls":                 {nil, 0, 0},
		"one call":                 {[]time.Duration{10 * ms}, 10 * ms, 10 * ms},
		"the slow one is the p99":  {append(repeat(ms, 98), 100*ms, 100*ms), ms, 100 * ms},
		"one in a hundred is not":  {append(repeat(ms, 99), 100*ms), ms, ms},
		"half and half":            {append(repeat(ms, 5), repeat(8*ms, 5)...), ms, 8 * ms},
		"shorter than can be told": {[]time.Duration{-1, 0}, time.Microsecond, time.Microsecond},
		"longer than can be told":  {[]time.Duration{1000 * time.Hour}, 152 * time.Hour, 152 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			var tally tally.Tally
			for _, d := range c.took {
				tally.Add(0, time.Time{}, d)
			}
			got := tally.Counts()
			if got.Calls != uint64(len(c.took)) || !near(got.P50, c.p50) || !near(got.P99, c.p99) {
				t.Errorf("got %+v, want %d calls, p50 of %v, p99 of %v", got, len(c.took), c.p50, c.p99)
			}
		})
	}
}

func repeat(d time.Duration, n int) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = d
	}
	return out
}

// near allows for the rounding up of a quantile.
func near(got, want time.Duration) bool { return got >= want && got <= want+want/4+time.Microsecond }

func TestCounts_everyTime_isRoundedUpByAQuarterAtMost(t *testing.T) {
	for d := time.Microsecond; d < 70*time.Hour; d += d/7 + time.Microsecond {
		var one tally.Tally
		one.Add(tally.Good, time.Time{}, d)
		if got := one.Counts().P50; !near(got, d) {
			t.Fatalf("%v: got %v, want it nearly", d, got)
		}
	}
}

func TestCounts_errorsOfAllKinds(t *testing.T) {
	var one tally.Tally
	for _, o := range []tally.Outcome{tally.Good, tally.ToolError, tally.Failed, tally.Failed} {
		one.Add(o, time.Time{}, time.Second)
	}
	if got := one.Counts(); got.Calls != 4 || got.Errors != 3 || got.ToolErrors != 1 {
		t.Errorf("got %+v, want 4 calls, 3 errors, 1 of them a tool error", got)
	}
}

func TestBook_countsForEachNameFromManyGoroutines(t *testing.T) {
	var book tally.Book
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				book.Of("a").Add(tally.Good, time.Time{}, time.Millisecond)
				book.Of("b").Add(tally.Failed, time.Time{}, time.Millisecond)
			}
		})
	}
	wg.Wait()
	if got := book.Of("a").Counts(); got.Calls != 800 || got.Errors != 0 {
		t.Errorf("a: got %+v, want 800 calls, no errors", got)
	}
	book.Keep(func(name string) bool { return name == "a" })
	if got := book.Of("b").Counts(); got.Calls != 0 {
		t.Errorf("b, forgotten: got %+v, want nothing", got)
	}
	if got := book.Of("a").Counts(); got.Calls != 800 {
		t.Errorf("a, kept: got %+v, want 800 calls", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	var book tally.Book
	b.ReportAllocs()
	for b.Loop() {
		book.Of("server").Add(tally.Good, time.Time{}, 1234*time.Microsecond)
	}
}
