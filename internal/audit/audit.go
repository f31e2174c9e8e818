package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/plural"
)

const (
	// maxQueued and maxQueuedBytes bound what waits to be written.
	maxQueued      = 8192
	maxQueuedBytes = 4 << 20
	// reportEvery is the shortest time between two log lines about losses.
	reportEvery = time.Second
	// retryEvery is the pause before a failed write is tried again.
	retryEvery = 500 * time.Millisecond
	// gatherFor is the shortest time between two writes: under load one write
	// then takes many lines. Nobody who waits for a line waits for that.
	gatherFor = 5 * time.Millisecond
	// syncEvery is how long written lines may wait for the disk at most.
	syncEvery = time.Second
)

// BeginWait is how long Begin waits at most.
const BeginWait = 2 * time.Second

// Stats counts what became of records. Records are what Append, Begin and Note
// are given; the log's own lines do not count.
type Stats struct {
	Written    uint64 // records in the file
	Lost       uint64 // records of Append and Note that will never be in it
	Summarized uint64 // refusals that are in it as part of a line about many
	Queued     int    // records that wait to be written
	Failed     uint64 // failed attempts to write or sync
	Rotated    uint64 // how often this process rotated the file
	Dropped    uint64 // rotated files that it deleted
	Young      uint64 // those of them that were younger than Options.Keep: the disk was nearly full
	Cut        uint64 // how often lines were missing at the end that had been there
	// Shipped counts the lines that go to Options.Outlet.
	Shipped ShipStats
	// Err says why nothing can be written now; it is empty while all is well.
	Err string
}

// Log is an open audit log. Its methods may be called from any goroutine.
type Log struct {
	instance string
	node     string
	version  string
	log      *slog.Logger
	wake     chan struct{} // has a token when there is something for the writer
	written  chan struct{} // the writer has ended
	closeErr error         // set before written is closed
	ship     *shipper      // nil if lines go nowhere else
	waitsFor time.Duration // how long Begin waits

	writer writer // used by its goroutine only

	mu         sync.Mutex // guards what follows
	closed     bool
	renew      bool // the file is to be opened again
	gathers    bool // the writer will look by itself, soon
	queue      []entry
	shares     map[sender]int // how many in the queue are whose; nil while nobody asks
	queued     int            // records in the queue and with the writer
	waiting    int            // how many of them somebody waits for
	bytes      int            // their size, roughly
	stats      Stats
	loss       loss
	pacer      pacer
	summarized uint64
}

// entry is a record on its way to the file.
type entry struct {
	record Record
	event  *Event // in place of the record
	size   int
	done   chan<- error // has room for the answer; nil if nobody waits for it
}

// errOverflow, errShare, errClosed and errSlow are causes besides those of the disk.
var (
	errShare    = errors.New("the disk is too slow: one agent's calls fill the queue")
	errOverflow = errors.New("the disk is too slow: the queue is full")
	errClosed   = errors.New("the audit log is closed")
	errSlow     = errors.New("the disk does not answer")
)

// start makes a Log that writes to f.
func start(f *file, o Options) *Log {
	l := &Log{
		instance: cut(o.Instance), node: cut(o.Node), version: cut(o.Version), log: o.Log, waitsFor: o.patience.begin,
		wake: make(chan struct{}, 1), written: make(chan struct{}),
	}
	l.writer = writer{Log: l, out: f, own: []ownLine{{event: eventStart, at: time.Now()}}}
	if !o.Outlet.none() {
		l.ship = newShipper(o.Outlet, o.patience.last, o.Log)
	}
	l.signal()
	go l.writer.run()
	return l
}

// Append hands one record over to be written. It does not wait, and it cannot
// fail as far as the caller is concerned: a loss is counted and logged.
//
// Of calls that were refused each credential and agent gets 500 full lines, and
// 20 more a second; those beyond are counted in one line of the kind Refused a
// second. wait is how long whoever sent such a call should be kept waiting before
// its answer: MaxWait at most, 0 for everybody else.
func (l *Log) Append(r Record) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if refused(r) {
		r.bound()
		key := r.Credential + "\x00" + r.AgentID
		if !l.paced(key, refusedPace, refusal(r), asked(r)) {
			return l.wait(key, refusedPace)
		}
	}
	if err := l.add(r, nil); err != nil {
		l.noteLoss(1, err)
	}
	return 0
}

// Begin writes a record as a "begin" line: the call is about to be made.
// It returns nil once the line is in the file, and otherwise says why it isn't;
// then the caller should refuse to do it. A line whose Begin gave up waiting may
// still be written. Begin waits until ctx ends, and for BeginWait at most.
func (l *Log) Begin(ctx context.Context, r Record) error {
	r.Event = eventBegin
	done := make(chan error, 1)
	l.mu.Lock()
	err := l.add(r, done)
	l.mu.Unlock()
	if err == nil {
		timed, cancel := context.WithTimeoutCause(ctx, l.waitsFor, errSlow)
		defer cancel()
		select {
		case err = <-done:
		case <-timed.Done():
			err = context.Cause(timed)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write audit log: %w", err)
	}
	return nil
}

// add queues a record, or returns why it can't. The caller holds the lock.
func (l *Log) add(r Record, done chan<- error) error {
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now()
	}
	r.Timestamp = r.Timestamp.UTC()
	e := entry{record: r, done: done}
	e.size = e.record.bound()
	if l.greedy(&e.record, e.size) {
		return errShare
	}
	return l.queueUp(e)
}

// queueUp queues a record or an event, or returns why it can't. The caller holds
// the lock.
func (l *Log) queueUp(e entry) error {
	switch {
	case l.closed:
		return errClosed
	case l.queued >= maxQueued || l.bytes+e.size > maxQueuedBytes:
		return errOverflow
	}
	l.queue = append(l.queue, e)
	l.share(&e)
	l.queued++
	l.bytes += e.size
	if e.done != nil {
		l.waiting++
	}
	if e.done != nil || !l.gathers {
		l.signal()
	}
	return nil
}

// Reopen has the file opened again by its name, soon: whoever renamed it may
// then pack or remove the old one. It does not wait.
func (l *Log) Reopen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renew = true
	l.signal()
}

// Stats returns what became of the records so far.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Shipped = l.ship.status()
	s.Lost, s.Queued, s.Summarized = l.loss.lost, l.queued, l.summarized
	return s
}

// Lost is how many records of Append could not be written so far.
func (l *Log) Lost() uint64 { return l.Stats().Lost }

// Close writes what is queued and a stop line, closes the file and logs a loss
// that was not logged yet. It waits until that is done or ctx ends; then the
// error says how many records were not written yet, and the writing goes on
// behind. Records appended after Close are lost. It may be called again, to
// wait again.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.summarizeNow(true)
	l.closed = true
	l.signal()
	l.mu.Unlock()
	select {
	case <-l.written:
		l.reportLast(ctx)
		return l.closeErr
	case <-ctx.Done():
		l.reportLast(ctx)
		return fmt.Errorf("cannot flush audit log: %s not written: %w", plural.Of(l.Stats().Queued, "record is", "records are"), context.Cause(ctx))
	}
}

// signal wakes the writer. The caller holds the lock, or nobody else has the Log yet.
func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
