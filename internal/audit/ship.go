package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// The limits of what waits to be sent.
const (
	maxUnsent      = 8192
	maxUnsentBytes = 4 << 20
	// The pause before a failed connection is tried again grows from the first to
	// the second.
	redialFirst = 250 * time.Millisecond
	redialMost  = 10 * time.Second
	// lastSend is how long the lines that are left at the end may take.
	lastSend = time.Second
)

// errUnsent is why a line was not sent.
var errUnsent = errors.New("too many lines wait to be sent")

// shipper sends lines elsewhere, in a goroutine of its own: neither the file nor
// a call waits for it, but for one whose beginning must be known there.
type shipper struct {
	to   Outlet
	head string
	log  *slog.Logger
	last time.Duration // how long the lines that are left at the end may take
	wake chan struct{} // has a token when there is something to send
	ends context.Context
	end  context.CancelFunc
	done chan struct{}

	mu     sync.Mutex
	queue  []parcel
	bytes  int
	closed bool
	stats  ShipStats
	told   uint64 // losses that were logged
	next   time.Time
}

// ShipStats counts the lines that are sent elsewhere.
type ShipStats struct {
	Sent   uint64
	Lost   uint64 // there was no room for them, or they were left at the end
	Queued int
	Err    string // why nothing can be sent now; empty while all is well
}

// parcel is one line, without its end.
type parcel struct {
	line []byte
	done chan<- error // has room for the answer; nil if nobody waits for it
}

func newShipper(to Outlet, last time.Duration, log *slog.Logger) *shipper {
	s := &shipper{to: to, head: syslogHead(), log: log, last: last, wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.ends, s.end = context.WithCancel(context.Background())
	go s.run() // Ends with close.
	return s
}

// send takes a line to be sent. It does not block. done, unless nil, hears when
// it was, or that it was not.
func (s *shipper) send(line []byte, done chan<- error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.queue) >= maxUnsent || s.bytes+len(line) > maxUnsentBytes {
		s.stats.Lost++
		if done != nil {
			done <- errUnsent
		}
		return
	}
	s.queue = append(s.queue, parcel{bytes.Clone(line), done})
	s.bytes += len(line)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *shipper) run() {
	defer close(s.done)
	var conn io.WriteCloser
	defer func() {
		if conn != nil {
			_ = conn.Close() // All was sent, or is counted as lost.
		}
	}()
	for pause := redialFirst; ; {
		some := s.first()
		switch {
		case len(some) == 0 && s.over():
			return
		case len(some) == 0:
			s.idle(s.wake)
			continue
		}
		var err error
		if conn, err = s.deliver(conn, some); err == nil || errors.Is(err, errRejected) {
			s.settle(some, err)
			pause = redialFirst
			continue
		}
		if conn != nil {
			_ = conn.Close() // It is of no use any more.
			conn = nil
		}
		s.idle(after(pause))
		if s.ends.Err() != nil {
			return
		}
		pause = min(2*pause, redialMost)
	}
}

// deliver sends lines over the connection, which it makes if there is none.
func (s *shipper) deliver(conn io.WriteCloser, some []parcel) (io.WriteCloser, error) {
	var err error
	if conn == nil {
		conn, err = s.to.open(s.ends)
	}
	if err == nil {
		_, err = conn.Write(s.frame(conn, some))
	}
	s.note(err)
	return conn, err //nolint:wrapcheck // Noted; only which kind it is matters.
}

// frame is what is written to have these lines sent.
func (s *shipper) frame(conn io.WriteCloser, some []parcel) []byte {
	receiver, ok := conn.(*otlp)
	if !ok {
		return s.to.frame(nil, some[0].line, s.head, time.Now())
	}
	lines := make([][]byte, len(some))
	for i, p := range some {
		lines[i] = p.line
	}
	return receiver.frameOTLP(lines, time.Now())
}

// idle waits for a token, or for the end.
func (s *shipper) idle(token <-chan struct{}) {
	select {
	case <-token:
	case <-s.ends.Done():
	}
}

// after returns a channel that is closed in a while.
func after(d time.Duration) <-chan struct{} {
	late := make(chan struct{})
	time.AfterFunc(d, func() { close(late) })
	return late
}

// first returns the oldest lines, as many as are sent at once.
func (s *shipper) first() []parcel {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, size := 0, 0
	for _, p := range s.queue[:min(len(s.queue), s.to.batch())] {
		if size += len(p.line); n > 0 && size > otlpBytes {
			break
		}
		n++
	}
	return slices.Clone(s.queue[:n])
}

// over reports whether nothing more will come.
func (s *shipper) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed && len(s.queue) == 0
}

// settle takes lines out of the queue that were sent, or lost by that error.
func (s *shipper) settle(some []parcel, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return // It came too late, and they were counted as lost.
	}
	for i, p := range some {
		s.queue[i] = parcel{}
		s.bytes -= len(p.line)
		if err == nil && p.done != nil {
			p.done <- nil // Whoever waits has heard of an error already.
		}
	}
	s.queue = s.queue[len(some):]
	if err == nil {
		s.stats.Sent += uint64(len(some))
		return
	}
	s.stats.Lost += uint64(len(some))
}

// note logs the first failure of a row, the end of it, and losses at most once a
// second. Those who wait for a line hear at once that it cannot be sent now.
func (s *shipper) note(err error) {
	s.mu.Lock()
	failed := s.stats.Err != ""
	s.stats.Err = ""
	if err != nil {
		s.stats.Err = err.Error()
		for i, p := range s.queue {
			if p.done != nil {
				p.done <- fmt.Errorf("cannot send it to %s: %w", s.to, err)
				s.queue[i].done = nil
			}
		}
	}
	lost := uint64(0)
	if now := time.Now(); !now.Before(s.next) {
		lost, s.told, s.next = s.stats.Lost-s.told, s.stats.Lost, now.Add(reportEvery)
	}
	s.mu.Unlock()
	switch {
	case err != nil && !failed:
		s.log.Error("audit lines cannot be sent", slog.String("to", s.to.String()), slog.Any("err", err))
	case err == nil && failed:
		s.log.Info("audit lines are sent again", slog.String("to", s.to.String()))
	}
	if lost > 0 {
		s.log.Error("audit lines were not sent; the file has them", slog.String("to", s.to.String()), slog.Uint64("lines", lost))
	}
}

// status returns what became of the lines so far. A nil shipper has sent none.
func (s *shipper) status() ShipStats {
	if s == nil {
		return ShipStats{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Queued = len(s.queue)
	return st
}

// close waits until all is sent, but not longer than that may take.
func (s *shipper) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	late := time.NewTimer(s.last)
	defer late.Stop()
	select {
	case <-s.done:
	case <-late.C:
	}
	s.end()
	s.mu.Lock()
	s.stats.Lost += uint64(len(s.queue))
	left := s.stats.Lost - s.told
	s.queue, s.bytes, s.told = nil, 0, s.stats.Lost
	s.mu.Unlock()
	if left > 0 {
		s.log.Error("audit lines were not sent; the file has them", slog.String("to", s.to.String()), slog.Uint64("lines", left))
	}
}
