package servers

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// maxAnswerToListen is what is kept of the answer to subscriptions/listen,
// which is nearly empty.
const maxAnswerToListen = 64 << 10

// subscription is how a session with a server of 2026-07-28 hears of changes
// of its tools: one request that stays unanswered, made again whenever it
// ends.
type subscription struct {
	pauses pauses
	id     atomic.Int64 // of the latest attempt, over stdio
	// listed says that a list has been asked for: what changed before the
	// server acknowledges a subscription after that may have been missed.
	listed atomic.Bool
	once   sync.Once
	// settled is closed when the first attempt is acknowledged or has ended.
	settled chan struct{}
}

func newSubscription() *subscription { return &subscription{settled: make(chan struct{})} }

// asked notes that a request is made.
func (l *subscription) asked(method string) {
	if strings.HasSuffix(method, "/list") {
		l.listed.Store(true)
	}
}

func (l *subscription) settle() { l.once.Do(func() { close(l.settled) }) }

// acknowledged hears that the server has begun to announce changes.
func (l *subscription) acknowledged(changed func()) {
	if l.listed.Load() {
		changed()
	}
	l.settle()
}

// await allows the first attempt a little time, so that a change is not missed
// between the first list of tools and the subscription. Where the server takes
// longer, the list is read again when it acknowledges.
func (l *subscription) await(ctx context.Context) {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	select {
	case <-l.settled:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// run subscribes again and again until done is closed, or until listen, which
// blocks as long as a subscription lasts, says that there is no use in it.
func (l *subscription) run(done <-chan struct{}, listen func() (useful bool)) {
	for l.pauses.next(done) {
		useful := listen()
		l.settle()
		if !useful {
			return
		}
	}
}

// pauses are the waits between attempts. Attempts that follow each other
// closely, whether they fail or end early, are made at longer and longer
// intervals.
type pauses struct {
	tried time.Time
	gap   time.Duration // to wait before the next attempt
}

// next waits until the next attempt is due; false means that done was closed.
func (p *pauses) next(done <-chan struct{}) bool {
	if time.Since(p.tried) > maxListenGap {
		p.gap = 0
	}
	timer := time.NewTimer(p.gap)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
		return false
	}
	p.tried = time.Now()
	p.gap = min(max(2*p.gap, time.Second), maxListenGap)
	return true
}

// subscribe begins to hear of changes, unless the session has ended.
func (s *Stdio) subscribe(ctx context.Context) {
	s.mu.Lock()
	over := s.cause != nil
	if !over { // Only until then may the workers become more.
		s.workers.Go(func() { s.tools.run(s.ended, s.listen) })
	}
	s.mu.Unlock()
	if !over {
		s.tools.await(ctx)
	}
}

// listen makes one subscription and waits for its end.
func (s *Stdio) listen() (useful bool) {
	c := s.newCall(endpoint.Request{Method: methodListen, Params: listenParams(s.info), MaxResultBytes: maxAnswerToListen})
	s.tools.id.Store(c.id)
	if s.send(&c.out) != nil {
		return false
	}
	o := <-c.answer // It comes at the end of the session at the latest.
	return !unknownMethod(o.response)
}

// listenAnew has the session hear of changes of lists by a new request: some servers
// announce nothing more to anybody once one subscription has ended.
func (s *Stdio) listenAnew() {
	id := strconv.AppendInt(nil, s.tools.id.Load(), 10)
	if c := s.take(id); c != nil {
		_ = s.tell(methodCancelled, cancelParams(id))
		c.finish(endpoint.Response{}, nil)
	}
}

// subscriptionOf is the id of the subscription that a notification belongs to, as
// JSON; nil if it names none.
func subscriptionOf(params json.RawMessage) json.RawMessage {
	return rawjson.Get(rawjson.Get(params, "_meta"), metaSubscription)
}

// unknownMethod reports whether a server does not know what it was asked.
func unknownMethod(answer endpoint.Response) bool {
	return string(rawjson.Get(answer.Error, "code")) == "-32601"
}

// subscriptionNotice hears what concerns the subscription: that it has begun,
// or that the server has ended it without an answer.
func (s *Stdio) subscriptionNotice(m jsonrpc.Message) {
	switch m.Name() {
	case methodAcknowledged:
		s.tools.acknowledged(func() { anyChanged(s.opts.OnToolsChanged, s.opts.OnListChanged) })
	case methodCancelled:
		raw := rawjson.Get(m.Params, "requestId")
		if id, ok := ourID(raw); !ok || id != s.tools.id.Load() {
			return
		}
		if c := s.take(raw); c != nil {
			c.finish(endpoint.Response{}, nil)
		}
	}
}
