package fleet

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// What is said of a server is written at most burst times at once, and then once in
// writeEvery.
const (
	burst      = 3
	writeEvery = time.Second
	// lookAgain is how long it waits to look again whether an older process has ended.
	lookAgain = 50 * time.Millisecond
)

// ownership is a server that this node owns.
type ownership struct {
	key     string
	epoch   int64
	cell    *endpoint.Cell
	leaving bool   // it is being given up
	next    string // the node that shall have it, where an operator says so

	record  fleet.Record // the latest
	dirty   bool         // it has not been written
	writing bool
	spent   int       // writes that have not been earned back
	last    time.Time // when spent was right
	due     *time.Timer
	over    bool // nothing of it runs any more: it is released after the last write
}

// The messages about what is written.
type (
	writeDue struct {
		key   string
		epoch int64
	}
	written struct {
		key   string
		epoch int64
		err   error
	}
	released struct {
		key   string
		epoch int64
		err   error
	}
	releaseDue struct {
		key   string
		epoch int64
	}
)

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (writeDue) IgnoreDeadLetterLogging()   {}
func (written) IgnoreDeadLetterLogging()    {}
func (released) IgnoreDeadLetterLogging()   {}
func (releaseDue) IgnoreDeadLetterLogging() {}

// ownedBy returns what this node owns under a key by an epoch, or nil.
func (f *member) ownedBy(key string, epoch int64) *ownership {
	if o := f.owned[key]; o != nil && o.epoch == epoch {
		return o
	}
	return nil
}

// state has written down what has become of a server.
func (f *member) state(m messages.ServerState) {
	o := f.ownedBy(m.Key, m.Epoch)
	if o == nil || o.over {
		return
	}
	o.record, o.dirty = m.Record, true
	o.record.Epoch, o.record.Next = o.epoch, o.next
	o.record.Node, o.record.Address = f.node.ID, f.node.Address
	if of := f.decidesBy(); of != "" {
		o.record.Era, o.record.Of = o.cell.Era(), of
	}
	if o.leaving {
		o.record.Busy = false // Its end is nobody's failure.
	}
	f.write(o)
}

// decidesBy returns the hash of the servers file that is in force here; empty is none, or
// not what was handed on last.
func (f *member) decidesBy() string {
	if f.told.Generation != f.node.Generation {
		return ""
	}
	return f.servers
}

// noteEra has a server be begun with as its owner before has found out.
func (f *member) noteEra(cell *endpoint.Cell, r fleet.Record) {
	known := r.Era == endpoint.EraInitialize || r.Era == endpoint.EraStateless
	if known && r.Of != "" && r.Of == f.decidesBy() && cell.Era() == endpoint.EraUnknown {
		cell.NoteEra(r.Era)
	}
}

// write writes what is known of a server, now or as soon as it may.
func (f *member) write(o *ownership) {
	if o.writing || o.due != nil || !o.dirty {
		return
	}
	now := time.Now()
	if earned := int(now.Sub(o.last) / writeEvery); earned > 0 {
		o.spent, o.last = max(0, o.spent-earned), now
	}
	if o.spent >= burst && !o.leaving {
		o.due = f.later(writeEvery-now.Sub(o.last), writeDue{o.key, o.epoch})
		return
	}
	o.spent++
	o.writing, o.dirty = true, false
	key, epoch, r := o.key, o.epoch, o.record
	f.ask(f.cfg.TTL, func(ctx context.Context) any {
		return written{key, epoch, f.cfg.Store.Write(ctx, key, epoch, r)}
	})
}

func (f *member) writeDue(m writeDue) {
	if o := f.ownedBy(m.key, m.epoch); o != nil {
		o.due = nil
		f.write(o)
	}
}

func (f *member) written(m written) {
	o := f.ownedBy(m.key, m.epoch)
	if o == nil {
		return
	}
	o.writing = false
	switch {
	case errors.Is(m.err, fleet.ErrFenced) && o.over:
		o.dirty = false // It is released, and the answer to that was lost.
	case errors.Is(m.err, fleet.ErrFenced):
		f.lose("the fleet's store does not know it as an owner any more")
		return
	case m.err != nil:
		f.cfg.Log.Debug("cannot write down the state of a server", slog.String("key", m.key), slog.Any("err", m.err))
		o.dirty = true
		if o.due == nil {
			o.due = f.later(writeEvery, writeDue{o.key, o.epoch})
		}
	}
	if o.over {
		f.release(o)
		return
	}
	f.write(o)
}

// stopped releases a server that has ended here. In another cell it may go on.
func (f *member) stopped(m messages.Released) {
	o := f.ownedBy(m.Key, m.Epoch)
	if o == nil || o.cell != m.Cell {
		return
	}
	o.leaving = true
	f.releaseOnceEnded(o)
}

// releaseOnceEnded releases a server once nothing of it runs here: a process of an older
// form of its entry may still have calls. Whoever claims it may be unable to ask.
func (f *member) releaseOnceEnded(o *ownership) {
	if f.runs(o.key) {
		f.later(lookAgain, releaseDue{o.key, o.epoch})
		return
	}
	f.release(o)
}

func (f *member) releaseDue(m releaseDue) {
	if o := f.ownedBy(m.key, m.epoch); o != nil && !o.over {
		f.releaseOnceEnded(o)
	}
}

// release ends an ownership. The last that is written says that its end was no failure.
func (f *member) release(o *ownership) {
	f.cfg.Standing.change(func(owned map[string]Holding) { delete(owned, o.key) })
	o.over = true
	if o.writing {
		return
	}
	o.stopTimer()
	key, epoch, r := o.key, o.epoch, o.record
	dirty := o.dirty || r.Busy || r.Next != o.next
	o.dirty, o.writing = false, true
	r.Busy, r.Next, r.Epoch, r.Node, r.Address = false, o.next, epoch, f.node.ID, f.node.Address
	f.ask(f.cfg.TTL, func(ctx context.Context) any {
		if dirty && r.State != "" {
			_ = f.cfg.Store.Write(ctx, key, epoch, r) // The next owner can do without.
		}
		return released{key, epoch, f.cfg.Store.Release(ctx, key, epoch)}
	})
}

func (f *member) released(m released) {
	o := f.ownedBy(m.key, m.epoch)
	if o == nil {
		return
	}
	o.writing = false
	if m.err != nil {
		f.cfg.Log.Debug("cannot release a server", slog.String("key", m.key), slog.Any("err", m.err))
		o.due = f.later(writeEvery, writeDue{o.key, o.epoch})
		o.dirty = true
		return
	}
	delete(f.owned, m.key)
	w := f.wants[m.key]
	if w == nil && f.leaver == nil {
		f.forget(m.key)
	}
	if w != nil {
		w.last = fleet.Owner{}
		w.yield = time.Now().Add(chosenStep)
		f.tellOwner(w, fleet.Owner{})
		f.settle(w)
	}
	f.allReleased()
}

// forget removes what the store keeps of a server that nobody owns and nobody is to go on
// with: this gateway knows it no more, or an operator has it begin afresh.
func (f *member) forget(key string) {
	go func() { // Ends by its time, or with the actor.
		ctx, cancel := context.WithTimeout(f.life, f.cfg.TTL)
		defer cancel()
		_ = f.cfg.Store.Forget(ctx, key) // What stays there is small; at worst it is waited on.
	}()
}

func (o *ownership) stopTimer() {
	if o.due != nil {
		o.due.Stop()
		o.due = nil
	}
}
