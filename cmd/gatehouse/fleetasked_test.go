package main

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// While the store is away each /readyz would else ask all other gateways.
func TestAskedOnce_manyWhoAsk_areOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a askedOnce[int32]
		var asked atomic.Int32
		ask := func() int32 {
			time.Sleep(500 * time.Millisecond)
			return asked.Add(1)
		}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got := a.get(time.Second, ask); got != 1 {
					t.Errorf("got the answer %d, want the first", got)
				}
			})
		}
		all.Wait()
		time.Sleep(900 * time.Millisecond)
		if got := a.get(time.Second, ask); got != 1 {
			t.Errorf("got the answer %d after less than a second, want the first", got)
		}
		time.Sleep(200 * time.Millisecond)
		if got := a.get(time.Second, ask); got != 2 {
			t.Errorf("got the answer %d after a second, want a new one", got)
		}
	})
}
