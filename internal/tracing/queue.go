package tracing

import "sync"

// maxQueued is how many bytes of spans wait for a collector at most, however many
// spans may.
const maxQueued = 6 << 20

// queue has the spans that wait to be sent. Its methods may be called from any
// goroutine, and never wait for a collector.
type queue struct {
	limits limits
	full   chan struct{} // hears that a batch is full; holds one

	mu      sync.Mutex
	batches []batch // none is empty; all but the last are full
	spans   int
	bytes   int
	spare   []byte // an empty buffer, to be used again
	closed  bool
}

// batch is what is sent together.
type batch struct {
	bytes []byte
	spans int
}

func newQueue(l limits) *queue { return &queue{limits: l, full: make(chan struct{}, 1)} }

// add takes the spans of a call, and copies them. Those for which there is no room
// are dropped.
func (q *queue) add(spans []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(spans) > 0 && !q.closed {
		var one []byte
		one, spans = first(spans)
		if q.spans >= q.limits.queue || q.bytes+len(one) > maxQueued {
			return
		}
		q.put(one)
	}
}

func (q *queue) put(one []byte) {
	last := len(q.batches) - 1
	if last < 0 || q.batches[last].spans == q.limits.batch {
		q.batches = append(q.batches, batch{bytes: q.spare})
		q.spare = nil
		last++
	}
	b := &q.batches[last]
	b.bytes = append(b.bytes, one...)
	b.spans++
	q.spans++
	q.bytes += len(one)
	if b.spans == q.limits.batch {
		select {
		case q.full <- struct{}{}:
		default: // It will hear.
		}
	}
}

// take takes a batch out: the oldest, and one that is not full only if any is asked
// for.
func (q *queue) take(anyOne bool) (b batch, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 || !anyOne && q.batches[0].spans < q.limits.batch {
		return batch{}, false
	}
	b = q.batches[0]
	q.batches = append(q.batches[:0], q.batches[1:]...)
	q.batches[:cap(q.batches)][len(q.batches)] = batch{}
	q.spans -= b.spans
	q.bytes -= len(b.bytes)
	return b, true
}

// recycle takes back the buffer of a batch that has been sent.
func (q *queue) recycle(b batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spare = b.bytes[:0]
}

// close has the queue take no more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
