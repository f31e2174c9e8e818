package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxQueued and maxQueuedBytes bound what waits to be written.
	maxQueued      = 8192
	maxQueuedBytes = 4 << 20
	// maxBatch is the size in bytes at which a batch is written.
	maxBatch = 256 << 10
	// reportEvery is the shortest time between two log lines about losses.
	reportEvery = time.Second
)

// Log is an open audit log. Its methods may be called from any goroutine.
type Log struct {
	instance string
	log      *slog.Logger
	w        io.WriteCloser
	wake     chan struct{} // has a token when the queue or closed changed
	written  chan struct{} // the writer has ended

	// rest is what the last write did not take of a line that it took in part.
	// Only the writer uses it.
	rest     []byte
	restCost uint64 // how many records are lost if rest never gets written

	closeErr error // set before written is closed

	mu     sync.Mutex // guards what follows
	closed bool
	queue  []Record
	bytes  int    // of the queue, roughly
	seq    uint64 // of the last record
	loss   loss
}

// errOverflow and errClosed are causes of a loss besides those of the disk.
var (
	errOverflow = errors.New("the disk is too slow: the queue is full")
	errClosed   = errors.New("the audit log is closed")
)

// New makes a Log that writes to w, which it owns from then on: w is closed by
// Close. Each Write gets whole lines, as far as the writes before succeeded.
func New(w io.WriteCloser, instance string, log *slog.Logger) *Log {
	return start(w, nil, instance, log)
}

// start makes a Log that writes rest before everything else.
func start(w io.WriteCloser, rest []byte, instance string, log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &Log{
		instance: cut(instance), log: log, w: w, rest: rest,
		wake: make(chan struct{}, 1), written: make(chan struct{}),
	}
	go l.write()
	return l
}

// Append hands one record over to be written. It does not wait, and it cannot
// fail as far as the caller is concerned: a loss is counted and logged.
func (l *Log) Append(r Record) {
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now()
	}
	r.Timestamp = r.Timestamp.UTC()
	r.V, r.Instance = version, l.instance
	size := r.bound()

	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	r.Seq = l.seq
	switch {
	case l.closed:
		l.noteLoss(1, errClosed)
	case len(l.queue) >= maxQueued || l.bytes+size > maxQueuedBytes:
		l.noteLoss(1, errOverflow)
	default:
		l.queue = append(l.queue, r)
		l.bytes += size
		l.signal()
	}
}

// Lost is how many records could not be written so far.
func (l *Log) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loss.lost
}

// Close writes what is queued, closes the file and logs a loss that was not
// logged yet. It waits until that is done or ctx ends; then the error says how
// many records were not written yet, and the writing goes on behind. Records
// appended after Close are lost. It may be called again, to wait again.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.signal()
	l.mu.Unlock()
	select {
	case <-l.written:
		l.report()
		return l.closeErr
	case <-ctx.Done():
		l.report()
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("cannot flush audit log: at least %d records are not written: %w", len(l.queue), context.Cause(ctx))
	}
}

// signal wakes the writer. The lock is held.
func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write is the goroutine that writes. It ends after Close.
func (l *Log) write() {
	defer close(l.written)
	var spare []Record
	for range l.wake {
		records, closed := l.take(spare)
		l.writeRecords(records)
		clear(records) // lets go of the texts
		spare = records[:0]
		if closed {
			break
		}
	}
	l.end()
}

// take takes over the queue and puts spare, an empty slice, in its place. The
// bytes count as queued until the next take, so no more than twice the bound
// is ever held.
func (l *Log) take(spare []Record) (records []Record, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	records, l.queue, l.bytes = l.queue, spare, 0
	return records, l.closed
}

// end makes a last attempt at an unfinished line and closes the file.
func (l *Log) end() {
	l.flush(new(bytes.Buffer), 0)
	l.mu.Lock()
	if l.restCost > 0 {
		l.noteLoss(l.restCost, io.ErrShortWrite)
	}
	l.mu.Unlock()
	if err := l.w.Close(); err != nil {
		l.closeErr = fmt.Errorf("cannot close audit log: %w", err)
	}
}

// writeRecords writes records in batches.
func (l *Log) writeRecords(records []Record) {
	var buf bytes.Buffer
	lines := uint64(0)
	for _, r := range records {
		if err := appendLine(&buf, r); err != nil {
			l.lose(1, err)
			continue
		}
		lines++
		if buf.Len() >= maxBatch {
			l.flush(&buf, lines)
			buf.Reset()
			lines = 0
		}
	}
	if lines > 0 {
		l.flush(&buf, lines)
	}
}

// flush writes a batch of whole lines, after the rest of an earlier one.
func (l *Log) flush(buf *bytes.Buffer, lines uint64) {
	data, old := buf.Bytes(), len(l.rest)
	if old > 0 {
		data = append(l.rest, data...)
	}
	if len(data) == 0 {
		return
	}
	n, err := l.w.Write(data)
	n = max(0, min(n, len(data)))
	if n < len(data) && err == nil {
		err = io.ErrShortWrite
	}
	switch {
	case n == len(data):
		l.rest, l.restCost = nil, 0
	case n < old: // not even the old line is finished
		l.rest = bytes.Clone(data[n:old])
		l.lose(lines, err)
	default:
		l.lose(lines-l.keepRest(data[old:], n-old), err)
	}
}

// keepRest looks at lines of which the first n bytes were written, and keeps
// the rest of the line that was written in part, if there is one. It gives the
// number of lines that are not lost.
func (l *Log) keepRest(lines []byte, n int) (saved uint64) {
	l.rest, l.restCost = nil, 0
	saved = uint64(bytes.Count(lines[:n], []byte{'\n'})) //nolint:gosec // A count is not negative.
	if n > 0 && lines[n-1] != '\n' {
		end := n + bytes.IndexByte(lines[n:], '\n') + 1
		l.rest, l.restCost = bytes.Clone(lines[n:end]), 1
		saved++
	}
	return saved
}
