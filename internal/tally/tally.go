// Package tally counts calls and how long they took, so cheaply that every call
// can be counted: a few atomic additions, no lock and no allocation once a name
// is known.
package tally

import (
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Outcome is how a call ended.
type Outcome int

// The outcomes.
const (
	// Good: the server's result.
	Good Outcome = iota
	// ToolError: the server's result, which says that the tool failed.
	ToolError
	// Failed: no result of the server's.
	Failed
	// Cancelled: the caller gave up, which is nobody's failure.
	Cancelled
)

// Each power of two of microseconds is cut into four buckets, so a quantile is
// at most a quarter too high. The last bucket ends at about 152 hours.
const (
	perDouble = 4
	buckets   = 38 * perDouble
)

// Tally counts the calls of one server. The zero value is ready to use, from
// any goroutine. It must not be copied.
type Tally struct {
	toolErrors, failed atomic.Uint64
	took               [buckets]atomic.Uint64
	good               atomic.Int64 // when a call last ended well, in nanoseconds
}

// Add counts a call that has ended at that time.
func (t *Tally) Add(o Outcome, at time.Time, took time.Duration) {
	switch o {
	case Good:
		t.good.Store(at.UnixNano())
	case Cancelled:
	case ToolError:
		t.toolErrors.Add(1)
	case Failed:
		t.failed.Add(1)
	}
	t.took[bucket(took)].Add(1)
}

// Counts is what a Tally says at one moment.
type Counts struct {
	Calls      uint64
	Errors     uint64 // calls that failed, tool errors among them
	ToolErrors uint64
	// P50 and P99 are how long half of the calls, and 99 of 100, took at most.
	// They are rounded up by at most a quarter; 0 if there were no calls.
	P50, P99 time.Duration
	// LastGood is when a call last was Good; zero if none was.
	LastGood time.Time
}

// Counts adds up what has been counted. Calls that end meanwhile may be in it
// in part.
func (t *Tally) Counts() Counts {
	var took [buckets]uint64
	var c Counts
	for i := range t.took {
		took[i] = t.took[i].Load()
		c.Calls += took[i]
	}
	c.ToolErrors = t.toolErrors.Load()
	c.Errors = c.ToolErrors + t.failed.Load()
	if at := t.good.Load(); at != 0 {
		c.LastGood = time.Unix(0, at)
	}
	c.P50, c.P99 = quantile(&took, c.Calls, 50), quantile(&took, c.Calls, 99)
	return c
}

func quantile(took *[buckets]uint64, calls, percent uint64) time.Duration {
	if calls == 0 {
		return 0
	}
	want := (calls*percent + 99) / 100
	for i, n := range took {
		if n >= want {
			return end(i)
		}
		want -= n
	}
	return end(buckets - 1)
}

// bucket is the index of the bucket that a time belongs into.
func bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < perDouble {
		return int(us)
	}
	exp := bits.Len64(us) - 3                         // so that us>>exp is 4 to 7
	return min(exp*perDouble+int(us>>exp), buckets-1) //nolint:gosec // It is 4 to 7.
}

// end is the time at which a bucket ends.
func end(i int) time.Duration {
	next := i + 1
	if next < 2*perDouble {
		return time.Duration(next) * time.Microsecond
	}
	exp := next/perDouble - 1
	return time.Duration((next%perDouble+perDouble)<<exp) * time.Microsecond
}

// Book holds the tallies of many names. The zero value is empty and ready to
// use, from any goroutine.
type Book struct{ tallies sync.Map } // string → *Tally

// Of returns the tally of a name, which it begins if it is new.
func (b *Book) Of(name string) *Tally {
	if t, ok := b.tallies.Load(name); ok {
		return t.(*Tally) //nolint:forcetypeassert // Nothing else is in it.
	}
	// The name may be part of something large.
	t, _ := b.tallies.LoadOrStore(strings.Clone(name), &Tally{})
	return t.(*Tally) //nolint:forcetypeassert // Nothing else is in it.
}

// Keep forgets every name that known does not know.
func (b *Book) Keep(known func(name string) bool) {
	b.tallies.Range(func(name, _ any) bool {
		if !known(name.(string)) { //nolint:forcetypeassert // Nothing else is in it.
			b.tallies.Delete(name)
		}
		return true
	})
}
