package audit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/plural"
)

// writer is the goroutine that writes. Its fields are its own; what it shares
// is in the Log.
type writer struct {
	*Log
	out     *file
	own     []ownLine // lines of the log itself that come before the records
	pending []entry
	seq     uint64 // of the last line in the file
	told    uint64 // losses that the file mentions
	failing bool   // the last write failed
	retry   <-chan time.Time
	sync    <-chan time.Time
	wrote   time.Time        // when it last wrote
	buf     bytes.Buffer     // of the current batch
	gather  <-chan time.Time // until when it lets lines gather; nil when it does not
}

// run writes until Close.
func (w *writer) run() {
	defer close(w.written)
	for {
		select {
		case <-w.wake:
			if w.gathering() {
				continue
			}
		case <-w.gather:
		case <-w.retry:
			w.retry = nil
		case <-w.sync:
			w.syncNow()
			continue
		}
		t := w.take()
		if t.renew {
			if err := w.out.reopen(); err != nil {
				w.note(err)
			}
			w.syncNow() // Lets go of the old file.
		}
		// A disk that takes nothing is tried at its time, or when somebody
		// wants to know.
		if w.retry == nil || t.waiting || t.closed {
			_ = w.flush() // Noted; tried again.
		}
		if t.closed {
			w.end()
			return
		}
	}
}

// gathering lets lines gather for a while if the last write was just now and
// nobody is in a hurry. Until then Append need not wake the writer.
func (w *writer) gathering() bool {
	rest := gatherFor - time.Since(w.wrote)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gathers = rest > 0 && !w.closed && !w.renew && w.waiting == 0
	if w.gathers && w.gather == nil {
		w.gather = time.After(rest)
	}
	return w.gathers
}

// taken is what the writer finds in the Log.
type taken struct{ closed, renew, waiting bool }

// take takes over the queue.
func (w *writer) take() taken {
	w.gather = nil
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gathers, w.shares = false, nil
	if len(w.pending) == 0 {
		w.pending, w.queue = w.queue, w.pending[:0]
	} else {
		w.pending = append(w.pending, w.queue...)
		clear(w.queue) // lets go of the texts
		w.queue = w.queue[:0]
	}
	t := taken{closed: w.closed, renew: w.renew, waiting: w.waiting > 0}
	w.renew = false
	return t
}

// flush writes all there is, batch by batch, until one fails.
func (w *writer) flush() error {
	w.retry = nil
	for {
		b := w.encode()
		if len(b.lines) == 0 {
			return nil
		}
		written, err := w.out.write(b)
		w.wrote = time.Now()
		w.settle(b, written)
		if w.sync == nil { // After a failure too: a deleted file that stays open keeps its space.
			w.sync = time.After(syncEvery)
		}
		if w.note(err); err != nil {
			w.refuse(err)
			w.retry = time.After(retryEvery)
			return err
		}
	}
}

// settle notes which lines of a batch are in the file: those that end within what
// was written.
func (w *writer) settle(b *batch, written []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	records, start := 0, 0
	for _, line := range b.lines {
		if line.sealed == 0 || line.sealed > len(written) {
			break
		}
		w.seq++
		w.shipLine(written[start:line.sealed-len("\n")], line.kind, records)
		start = line.sealed
		switch line.kind {
		case lineOwn:
			w.own = w.own[1:]
		case lineLost:
			w.told += line.lost
		case lineRecord:
			w.done(w.pending[records], nil)
			w.stats.Written++
			records++
		}
	}
	w.drop(records)
	w.stats.Rotated, w.stats.Young, w.stats.Cut = w.out.rotated, w.out.young, w.out.cut
	for _, d := range w.out.drops {
		w.stats.Dropped++
		w.own = append(w.own, ownLine{event: eventDropped, at: time.Now(), dropped: d})
	}
	w.out.drops = nil
}

// shipLine sends a line elsewhere too. Whoever waits for it waits for that then.
func (w *writer) shipLine(line []byte, kind lineKind, record int) {
	if w.ship == nil {
		return
	}
	var done chan<- error
	if kind == lineRecord && w.pending[record].done != nil {
		done, w.pending[record].done = w.pending[record].done, nil
		w.waiting--
	}
	w.ship.send(line, done)
}

// done answers whoever waits for an entry and counts it out. The caller holds the
// lock.
func (w *writer) done(e entry, err error) {
	w.queued--
	w.bytes -= e.size
	if e.done != nil {
		w.waiting--
		e.done <- err
	}
}

// drop lets go of the first n pending entries.
func (w *writer) drop(n int) {
	rest := copy(w.pending, w.pending[n:])
	clear(w.pending[rest:])
	w.pending = w.pending[:rest]
}

// refuse answers all who wait: what they begin is not going to happen, so it
// needs no line either.
func (w *writer) refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.pending[:0]
	for _, e := range w.pending {
		if e.done == nil {
			kept = append(kept, e)
			continue
		}
		w.done(e, err)
	}
	clear(w.pending[len(kept):])
	w.pending = kept
}

// note counts a failure, and logs the first of a row and the end of it.
func (w *writer) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	w.mu.Lock()
	w.stats.Err = text
	if err != nil {
		w.stats.Failed++
	}
	queued := w.queued
	w.mu.Unlock()
	switch {
	case err != nil && !w.failing:
		w.log.Error("audit log cannot be written", slog.Int("queued", queued), slog.Any("err", err))
	case err == nil && w.failing:
		w.log.Info("audit log is written again")
	}
	w.failing = err != nil
}

func (w *writer) syncNow() {
	w.sync = nil
	if err := w.out.sync(); err != nil {
		w.note(err)
	}
}

// end writes the last lines and closes the file. What cannot be written now is
// lost.
func (w *writer) end() {
	lost := w.abandon()
	w.own = append(w.own, ownLine{event: eventStop, at: time.Now()})
	w.out.patient = time.Now().Add(rotateAgain) // Nothing comes behind the stop line, nor what a rotation has to say.
	err := errors.Join(w.flush(), w.out.close())
	if w.ship != nil {
		w.ship.close()
	}
	switch {
	case lost > 0:
		w.closeErr = fmt.Errorf("cannot flush audit log: %s lost: %w", plural.Of(lost, "record is", "records are"), w.cause())
	case err != nil:
		w.closeErr = fmt.Errorf("cannot end audit log: %w", err)
	}
}

// abandon counts all records that are still pending as lost.
func (w *writer) abandon() (lost uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.pending {
		w.done(e, errClosed)
		lost++
	}
	w.pending = nil
	if lost > 0 {
		w.noteLoss(lost, errors.New(w.stats.Err))
	}
	return lost
}

// cause is the latest cause of a loss.
func (w *writer) cause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loss.err
}
