package attach

import "time"

const (
	// maxQueue is how many requests may wait for a gateway, and how many bytes.
	maxQueue      = 1000
	maxQueueBytes = maxKept
)

// waiting is a request that waits for a gateway.
type waiting struct {
	request *request
	timer   *time.Timer // nil while the gateway before is still there
}

// push has a request wait, and reports whether there is room. Whoever calls this
// and what follows holds mu.
func (r *Relay) push(request *request) bool {
	if request.line == nil || len(r.queue) >= maxQueue || r.queued+len(request.line) > maxQueueBytes {
		return false
	}
	w := &waiting{request: request}
	r.queue = append(r.queue, w)
	r.queued += len(request.line)
	if r.link == nil {
		r.limit(w)
	}
	return true
}

// limit bounds how long a request waits, from now on.
func (r *Relay) limit(w *waiting) {
	if w.timer == nil {
		w.timer = time.AfterFunc(r.opts.Wait, func() { r.expire(w) })
	}
}

// drop takes a request out of the queue.
func (r *Relay) drop(i int) *waiting {
	w := r.queue[i]
	r.queue = append(r.queue[:i], r.queue[i+1:]...)
	r.queued -= len(w.request.line)
	if w.timer != nil {
		w.timer.Stop()
	}
	return w
}

// expire answers a request that has waited long enough. It takes mu itself.
func (r *Relay) expire(w *waiting) {
	r.mu.Lock()
	there := false
	for i := range r.queue {
		if r.queue[i] == w {
			r.drop(i)
			there = true
			break
		}
	}
	why, as := r.why(), r.shape()
	finished := r.ended && len(r.queue) == 0
	r.mu.Unlock()
	if there {
		r.tell(w.request.answer(why, as))
	}
	if finished {
		r.done()
	}
}

// unqueue returns the next request that waits, and counts it among those that the
// gateway has. It takes mu itself.
func (r *Relay) unqueue(l *Link) (w *waiting, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 || r.link != l || l.paused {
		return nil, false
	}
	w = r.drop(0)
	r.pending.add(w.request)
	return w, true
}

// overdue reports whether there has been no gateway for longer than anybody waits.
func (r *Relay) overdue() bool {
	return !r.lostAt.IsZero() && time.Since(r.lostAt) > r.opts.Wait
}

// why says why a request was not sent.
func (r *Relay) why() fate {
	if r.failure != nil {
		return notRun(r.failure.Error())
	}
	return notRun("it was restarted")
}
