// Package later does work once that was asked for many times in a short while, such
// as writing a file that holds what many servers have told.
package later

import (
	"sync"
	"time"
)

// Work is done a moment after it is asked for. Its methods may be called from any
// goroutine; it has one of its own while there is something to do.
type Work struct {
	pause time.Duration
	do    func()
	hurry chan struct{} // closed once nothing waits any more

	mu       sync.Mutex
	asked    bool
	running  bool
	hurrying bool
	runs     sync.WaitGroup // at most one
}

// New makes a Work that calls do at most once in a pause, a pause after it was
// asked for. do is called from one goroutine at a time.
func New(pause time.Duration, do func()) *Work {
	return &Work{pause: pause, do: do, hurry: make(chan struct{})}
}

// Ask has the work done soon. It does not block.
func (w *Work) Ask() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = true
	if !w.running {
		w.running = true
		w.runs.Go(w.run)
	}
}

// Wait waits until everything that was asked for has been done. From now on it is
// done at once: it is for the end of a program.
func (w *Work) Wait() {
	w.mu.Lock()
	if !w.hurrying {
		w.hurrying = true
		close(w.hurry)
	}
	w.mu.Unlock()
	w.runs.Wait()
}

func (w *Work) run() {
	for {
		timer := time.NewTimer(w.pause)
		select {
		case <-timer.C:
		case <-w.hurry:
		}
		timer.Stop()
		w.mu.Lock()
		w.asked = false
		w.mu.Unlock()
		w.do()
		if w.ended() {
			return
		}
	}
}

// ended reports whether nobody has asked since the work began.
func (w *Work) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = w.asked
	return !w.asked
}
