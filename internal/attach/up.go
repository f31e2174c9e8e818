package attach

import (
	"bytes"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
)

// up hands the client's lines to the gateway until they end.
func (r *Relay) up() {
	src := newSource(r.opts.In, nil)
	for {
		p, err := src.next()
		if err != nil {
			r.end(src.partway)
			return
		}
		r.lines.Add(1)
		if p.first && p.data[0] == mark {
			p.data[0] = harmless
		}
		if p.whole() {
			r.line(p.data)
		} else if !r.long(src, p) {
			return
		}
	}
}

// line takes one line of the client.
func (r *Relay) line(data []byte) {
	m := read(data)
	if m.request != nil {
		m.request.line = bytes.Clone(data)
	}
	r.sending.Lock()
	defer r.sending.Unlock()
	link, answer := r.admit(m)
	switch {
	case answer != nil:
		r.tell(answer)
	case link != nil:
		if _, err := link.Conn.Write(data); err != nil {
			_ = link.Conn.Close()
			r.unsent(m.request)
		}
	}
}

// admit notes what a line means, and returns the connection to send it by, or what
// to answer. With neither the line waits, or is of no use any more.
func (r *Relay) admit(m message) (link *Link, answer []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.method == methodInitialized {
		r.session.ready = true
	}
	if m.cancels != nil {
		switch r.cancel(m.cancels) {
		case waited:
			return nil, nil
		case runs:
			return r.link, nil // Also where it has been told to pause: it is its call.
		case unknown:
		}
	}
	switch {
	case r.link != nil && !r.link.paused && !r.ended:
		if m.request != nil {
			r.pending.add(m.request)
		}
		return r.link, nil
	case m.request == nil:
		return nil, nil // A notification; the next gateway is told what it must know.
	case m.method == methodPing:
		return nil, jsonrpc.AppendResult(nil, m.request.id, []byte("{}"))
	case r.ended, r.overdue(), !r.push(m.request):
		return nil, m.request.answer(r.why(), r.shape())
	}
	return nil, nil
}

// whereabouts are where a request is that its client gives up.
type whereabouts int

const (
	unknown whereabouts = iota // It has been answered, or never was.
	waited                     // No gateway has it.
	runs                       // The gateway has it.
)

// cancel forgets a request that its client gives up, and returns where it was.
func (r *Relay) cancel(id []byte) whereabouts {
	for i, w := range r.queue {
		if bytes.Equal(w.request.id, id) {
			r.drop(i)
			return waited
		}
	}
	if r.pending.take(id) == nil {
		return unknown
	}
	return runs
}

// unsent takes back a request that did not reach the gateway as a whole, so that it
// cannot have run.
func (r *Relay) unsent(request *request) {
	if request == nil {
		return
	}
	r.mu.Lock()
	id := request.id
	if id == nil {
		id = request.batch[0]
	}
	pushed := false
	if r.pending.take(id) == request {
		pushed = r.push(request)
	} else {
		pushed = true // It was answered, or given up.
	}
	as := r.shape()
	r.mu.Unlock()
	if !pushed {
		r.tell(request.answer(notRun("it was restarted"), as))
	}
}

// long takes a line of which this is only the first piece. It reports whether more
// can come. While the client keeps the rest to itself nothing else has to wait.
func (r *Relay) long(src *source, p piece) bool {
	var ids jsonrpc.Skimmer
	link := r.awaitLink()
	sent := link != nil
	for {
		ids.Feed(p.data)
		if p.last {
			break
		}
		sent = sent && r.sendPiece(link, p.data)
		var ended error
		if p, ended = src.next(); ended != nil {
			r.end(true)
			return false
		}
	}
	requests := longRequests(ids.Requests)
	if !sent || !r.sendLast(link, p.data, requests) {
		r.refuse(requests)
	}
	return true
}

// sendPiece sends a part of a long line, and reports whether it could.
func (r *Relay) sendPiece(link *Link, data []byte) bool {
	r.sending.Lock()
	defer r.sending.Unlock()
	if !r.current(link) || !link.midline && r.paused(link) { // What comes behind a pause is not read.
		return false
	}
	link.midline = true
	_, err := link.Conn.Write(data)
	return err == nil
}

// sendLast sends the end of a long line with these requests. It reports false if
// that cannot be, so that none of them has run.
func (r *Relay) sendLast(link *Link, data []byte, requests []*request) bool {
	r.sending.Lock()
	defer r.sending.Unlock()
	if !r.current(link) {
		return false
	}
	r.mu.Lock()
	for _, request := range requests {
		r.pending.add(request)
	}
	r.mu.Unlock()
	link.midline = false
	_, err := link.Conn.Write(data)
	if err == nil && link.owes {
		_, err = link.Conn.Write(controlPaused)
	}
	if err != nil {
		_ = link.Conn.Close()
	}
	return true
}

// current reports whether a link is still in use, and the client's input goes on.
func (r *Relay) current(link *Link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.link == link && !r.ended
}

func (r *Relay) paused(link *Link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return link.paused
}

// longRequests are those of a line that is too long to be kept: calls, as nothing
// else is that long.
func longRequests(ids [][]byte) []*request {
	if len(ids) == 0 {
		return nil
	}
	if len(ids) == 1 {
		return []*request{{id: ids[0], method: methodCall}}
	}
	return []*request{{batch: ids}}
}

// refuse answers requests that cannot be sent.
func (r *Relay) refuse(requests []*request) {
	r.mu.Lock()
	why, as := r.why(), r.shape()
	r.mu.Unlock()
	for _, request := range requests {
		r.tell(request.answer(why, as))
	}
}

// awaitLink returns the connection in use, for which it waits. It is nil if there
// is none in time.
func (r *Relay) awaitLink() *Link {
	deadline := time.Now().Add(r.opts.Wait)
	for {
		r.mu.Lock()
		link, ended := r.link, r.ended
		if link != nil && link.paused {
			link = nil
		}
		r.mu.Unlock()
		if link != nil || ended || time.Now().After(deadline) {
			return link
		}
		time.Sleep(reconnectPause)
	}
}

// end notes that the client's input has ended, and tells the gateway.
func (r *Relay) end(partway bool) {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	link := r.link
	r.mu.Unlock()
	r.endLocked(link, partway)
}

// endLocked is end for the one that holds sending, or who has no connection.
func (r *Relay) endLocked(link *Link, partway bool) {
	r.mu.Lock()
	already := r.ended
	r.ended, r.partway = true, partway
	paused := link != nil && link.paused
	idle := link == nil && len(r.queue) == 0
	r.mu.Unlock()
	switch {
	case already || paused && !link.midline:
	case link != nil:
		r.sendEnd(link, partway || link.midline)
	case idle:
		r.done()
	}
}
