package logging

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// The limits of a Sink's queue.
const (
	sinkLines = 10_000
	sinkBytes = 4 << 20
)

// Sink writes log lines in a goroutine of its own, so that nobody who logs
// waits for the reader of the log, or fails because that reader has gone. What
// cannot be written is lost and counted: lines that the reader does not take
// while the queue is full, and lines whose writing fails. Its methods may be
// called from any goroutine.
type Sink struct {
	out  io.Writer
	wake chan struct{} // holds one while there may be lines to write
	done chan struct{} // closed when the writer has ended

	mu     sync.Mutex
	queue  [][]byte
	bytes  int // of the queue
	closed bool
	stats  SinkStats
}

// SinkStats are what became of the lines of a log.
type SinkStats struct {
	Written uint64
	Lost    uint64
	Err     string // why the last line could not be written; empty when it was
}

// NewSink makes a Sink that writes to out, each line by one Write. It must be
// closed.
func NewSink(out io.Writer) *Sink {
	s := &Sink{out: out, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run() // Ends with Close, or later with a write that blocks.
	return s
}

// Write takes one line. It never blocks and never fails.
func (s *Sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.queue) >= sinkLines || s.bytes+len(line) > sinkBytes {
		s.stats.Lost++
		return len(line), nil
	}
	s.queue = append(s.queue, bytes.Clone(line))
	s.bytes += len(line)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// Stats counts the lines so far.
func (s *Sink) Stats() SinkStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Close writes what is left, and reports whether it was all taken. It waits for
// the reader at most as long as patience; whoever does not read by then leaves
// the goroutine behind, blocked. Later lines are lost.
func (s *Sink) Close(patience time.Duration) (flushed bool) {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.wake)
	}
	s.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-s.done:
		return true
	case <-late.C:
		return false
	}
}

func (s *Sink) run() {
	defer close(s.done)
	for open := true; open; {
		_, open = <-s.wake
		for _, line := range s.take() {
			s.put(line)
		}
	}
}

func (s *Sink) take() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.queue
	s.queue = nil
	return lines
}

// put writes one line; no lock is held while it does.
func (s *Sink) put(line []byte) {
	_, err := s.out.Write(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= len(line)
	if err != nil {
		s.stats.Lost++
		s.stats.Err = err.Error()
		return
	}
	s.stats.Written++
	s.stats.Err = ""
}
