package server_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/pace"
)

// herd starts servers that take so long each, and returns how many were being
// started at most at the same time, and when the last one was ready.
func herd(t *testing.T, s *server.Starts, n int, each time.Duration) (most int64, took time.Duration) {
	t.Helper()
	return herdOf(t, s, n, each, nil)
}

// herdOf is herd with servers whose work is watched.
func herdOf(t *testing.T, s *server.Starts, n int, each time.Duration, computing func() bool) (most int64, took time.Duration) {
	t.Helper()
	var running, peak atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range n {
		all.Go(func() {
			turn, err := s.Acquire(t.Context(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer turn.End()
			if computing != nil {
				turn.Watch(computing)
			}
			now := running.Add(1)
			for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
			}
			time.Sleep(each)
			running.Add(-1)
		})
	}
	all.Wait()
	return peak.Load(), time.Since(begun)
}

func machine(idle float64) func() (float64, bool) {
	return func() (float64, bool) { return idle, true }
}

func TestStarts_busyMachine_startsAsManyAsItHasCores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most, took := herd(t, server.NewStartsOn(0, 2, machine(0)), 24, 5*time.Second)
		if most != 2 || took != time.Minute {
			t.Errorf("at most %d at the same time, all after %v; want 2, after 1m0s", most, took)
		}
	})
}

func TestStarts_busyMachine_startsWhatSleepsOneAfterTheOther(t *testing.T) {
	for name, c := range map[string]struct {
		computing bool
		each      time.Duration
		most      int64
		took      time.Duration
	}{
		"they sleep":      {false, 200 * time.Millisecond, 50, 1300 * time.Millisecond},
		"they compute":    {true, 200 * time.Millisecond, 2, 5 * time.Second},
		"they sleep long": {false, 2 * time.Second, 50, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				most, took := herdOf(t, server.NewStartsOn(0, 2, machine(0)), 50, c.each, func() bool { return c.computing })
				if most > c.most || took > c.took {
					t.Errorf("at most %d at the same time, all after %v; want at most %d, within %v", most, took, c.most, c.took)
				}
			})
		})
	}
}

func TestStarts_idleMachine_startsThemAllSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, took := herd(t, server.NewStartsOn(0, 2, machine(1)), 50, 200*time.Millisecond)
		if want := 280 * time.Millisecond; took > want {
			t.Errorf("all were ready after %v, want within %v", took, want)
		}
	})
}

func TestStarts_limit_holdsOnAnIdleMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most, _ := herd(t, server.NewStartsOn(3, 2, machine(1)), 50, 200*time.Millisecond)
		if most != 3 {
			t.Errorf("at most %d at the same time, want 3", most)
		}
	})
}

func TestStarts_machineThatNobodyKnows_stillStartsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most, _ := herd(t, server.NewStartsOn(0, 2, nil), 50, 200*time.Millisecond)
		if most != 8 {
			t.Errorf("at most %d at the same time, want 8", most)
		}
	})
}

func TestStarts_heavyOnes_dontHoldUpLightOnesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server.NewStartsOn(0, 2, machine(0))
		for range 2 { // They never become ready.
			if _, err := s.Acquire(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		turn, err := s.Acquire(t.Context(), nil)
		if took := time.Since(begun); err != nil || took < pace.Hold || took > pace.Hold+pace.Window(took) {
			t.Errorf("a light one waited %v, %v; want %v", took, err, pace.Hold)
		}
		turn.End()
		turn.End() // Ends no start but its own.
	})
}

func TestStarts_calledServer_jumpsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server.NewStartsOn(2, 2, machine(0))
		first, _ := s.Acquire(t.Context(), nil)
		_, _ = s.Acquire(t.Context(), nil)
		order := make(chan string, 3)
		called := make(chan struct{})
		wait := func(name string, called <-chan struct{}) {
			go func() {
				turn, err := s.Acquire(t.Context(), called)
				if err == nil {
					order <- name
					turn.End()
				}
			}()
			synctest.Wait()
		}
		wait("early", nil)
		wait("called", called)
		close(called)
		synctest.Wait()
		first.End()
		if got := <-order; got != "called" {
			t.Errorf("%q started first, want the one that is called", got)
		}
		if got := <-order; got != "early" {
			t.Errorf("%q started then, want the other", got)
		}
	})
}

func TestStarts_calledServer_needNotWaitForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server.NewStartsOn(0, 2, machine(0))
		for range 2 {
			_, _ = s.Acquire(t.Context(), nil)
		}
		called := make(chan struct{})
		close(called)
		begun := time.Now()
		if _, err := s.Acquire(t.Context(), called); err != nil || time.Since(begun) != 0 {
			t.Errorf("it waited %v, %v; want no wait", time.Since(begun), err)
		}
	})
}

func TestStarts_givenUp_isNotStartedAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server.NewStartsOn(1, 2, machine(0))
		first, _ := s.Acquire(t.Context(), nil)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errNoList)
		defer cancel()
		if _, err := s.Acquire(ctx, nil); !errors.Is(err, errNoList) {
			t.Errorf("got %v, want the context's cause %v", err, errNoList)
		}
		first.End()
		if _, err := s.Acquire(t.Context(), nil); err != nil { // Nothing is left of the one that gave up.
			t.Errorf("the next one: %v", err)
		}
	})
}

// A look at a server costs a file for each of its threads, so those that sleep are
// looked at now and then, and none once so many work that nobody may begin.
func TestStarts_looks_areFew(t *testing.T) {
	const windows = 80
	for name, c := range map[string]struct{ working, most int }{
		"two work":              {2, windows/4 + 2},
		"as many work as count": {4, 3}, // Those before they did.
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := server.NewStartsOn(0, 2, machine(0))
				looks := 0
				begin := func(computing func() bool) {
					time.Sleep(time.Millisecond) // The youngest are looked at first.
					called := make(chan struct{})
					close(called)
					turn, err := s.Acquire(t.Context(), called)
					if err != nil {
						t.Error(err)
						return
					}
					turn.Watch(computing)
				}
				begin(func() bool { looks++; return false })
				for range c.working {
					begin(func() bool { return true })
				}
				ctx, cancel := context.WithTimeout(t.Context(), windows*pace.Window(0))
				defer cancel()
				if _, err := s.Acquire(ctx, nil); err == nil {
					t.Fatal("got a turn, want none while others work")
				}
				if looks > c.most {
					t.Errorf("got %d looks at the one that sleeps in %d windows, want %d at most", looks, windows, c.most)
				}
			})
		})
	}
}

// On a machine that is idle enough nobody needs to know who sleeps.
func TestStarts_idleMachine_looksAtNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		_, _ = herdOf(t, server.NewStartsOn(0, 2, machine(1)), 50, 200*time.Millisecond, func() bool { looks++; return false })
		if looks > 0 {
			t.Errorf("got %d looks, want none", looks)
		}
	})
}
