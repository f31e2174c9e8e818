package later_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/later"
)

func TestWork_askedForOften_isDoneOnceInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		w := later.New(time.Second, func() { done.Add(1) })
		for range 50 {
			w.Ask()
		}
		synctest.Wait()
		if got := done.Load(); got != 0 {
			t.Errorf("got it done %d times at once, want none", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := done.Load(); got != 1 {
			t.Errorf("got it done %d times after a pause, want 1", got)
		}
		w.Ask()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := done.Load(); got != 2 {
			t.Errorf("got it done %d times after it was asked for again, want 2", got)
		}
	})
}

func TestWork_askedForWhileItIsDone_isDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		var w *later.Work
		w = later.New(time.Second, func() {
			if done.Add(1) == 1 {
				w.Ask()
			}
		})
		w.Ask()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := done.Load(); got != 2 {
			t.Errorf("got it done %d times, want 2", got)
		}
	})
}

func TestWait_doesNotPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var done atomic.Int64
		w := later.New(time.Hour, func() { done.Add(1) })
		w.Wait() // There is nothing to do.
		w.Ask()
		w.Wait()
		w.Ask()
		w.Wait()
		if got := done.Load(); got != 2 || time.Since(began) != 0 {
			t.Errorf("got it done %d times after %v, want 2 at once", got, time.Since(began))
		}
	})
}

func TestAsk_fromManyGoroutines_losesNothing(t *testing.T) {
	var asked, done atomic.Int64
	w := later.New(time.Microsecond, func() { done.Store(asked.Load()) })
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			asked.Add(1)
			w.Ask()
		})
	}
	all.Wait()
	w.Wait()
	if got := done.Load(); got != 50 {
		t.Errorf("got %d done at the end, want 50", got)
	}
}
