package audit

import (
	"bytes"
	"time"
)

// maxBatch is the size in bytes at which a batch is written.
const maxBatch = 256 << 10

// batch is some whole lines, to be written at once.
type batch struct {
	buf   *bytes.Buffer
	lines []batchLine
	chain []linkHash // the hash of each line, once it is sealed
}

type batchLine struct {
	kind   lineKind
	end    int    // where the line ends in buf
	sealed int    // where it ends once it is sealed
	lost   uint64 // the number in a lineLost
}

type lineKind uint8

const (
	lineRecord lineKind = iota + 1
	lineOwn             // start or stop
	lineLost
)

// ownLine is one of the log's own lines.
type ownLine struct {
	event   string
	at      time.Time
	dropped dropped
}

// encode makes the next batch: the start line, what was lost, as many pending
// records as fit, the stop line.
func (w *writer) encode() *batch {
	w.buf.Reset()
	b := &batch{buf: &w.buf}
	stop := false
	for _, own := range w.own {
		if stop = own.event == eventStop; !stop {
			w.addOwn(b, lineOwn, own, 0)
		}
	}
	if lost := w.Lost() - w.told; lost > 0 {
		w.addOwn(b, lineLost, ownLine{event: eventLost, at: time.Now()}, lost)
	}
	w.addRecords(b)
	if stop {
		w.addOwn(b, lineOwn, w.own[len(w.own)-1], 0)
	}
	return b
}

// addRecords adds pending records. One that cannot be encoded is lost.
func (w *writer) addRecords(b *batch) {
	for i := 0; i < len(w.pending) && b.buf.Len() < maxBatch; {
		if err := w.encodeEntry(b, w.pending[i]); err != nil {
			w.unfit(i, err)
			continue
		}
		b.add(lineRecord, 0)
		i++
	}
}

func (w *writer) encodeEntry(b *batch, e entry) error {
	if e.event != nil {
		line := *e.event
		line.V, line.Instance, line.Seq, line.Node = version, w.instance, w.next(b), w.node
		return appendLine(b.buf, line)
	}
	r := e.record
	r.V, r.Instance, r.Seq, r.Node = version, w.instance, w.next(b), w.node
	return appendRecord(b.buf, r)
}

func (w *writer) addOwn(b *batch, kind lineKind, own ownLine, lost uint64) {
	line := eventLine{V: version, Timestamp: own.at.UTC(), Event: own.event, Instance: w.instance, Seq: w.next(b), Node: w.node, Lost: lost, dropped: own.dropped}
	if own.event == eventStart {
		line.Version = w.version
	}
	if err := appendLine(b.buf, line); err != nil {
		return // Nothing in it can be unfit.
	}
	b.add(kind, lost)
}

// next is the number of the batch's next line.
func (w *writer) next(b *batch) uint64 { return w.seq + uint64(len(b.lines)) + 1 }

func (b *batch) add(kind lineKind, lost uint64) {
	b.lines = append(b.lines, batchLine{kind: kind, end: b.buf.Len(), lost: lost})
}

// unfit takes out a pending record that cannot be encoded.
func (w *writer) unfit(i int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.pending[i]
	if e.done == nil {
		w.noteLoss(1, err)
	}
	w.done(e, err)
	w.pending = append(w.pending[:i], w.pending[i+1:]...)
}
