package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// What waits for a client that reads slowly, and what is kept for it.
const (
	maxNotices     = 1000
	maxNoticeBytes = 1 << 20
	maxHeld        = 1000
)

// The reasons for which nothing more is held for a client.
var (
	// ErrTooMuchHeld means that it has as much as it may have.
	ErrTooMuchHeld = errors.New("this session has as many subscriptions as it may have")
	// ErrSessionOver means that its session has ended.
	ErrSessionOver = errors.New("this session has ended")
)

// Inbox is what a client is told unasked beside changes of lists: notifications wait
// here for a stream of its session, or of its subscription. It keeps what they come
// from, too, and ends that with the session. Its methods may be called from any
// goroutine and never block.
type Inbox struct {
	lost *atomic.Uint64 // counts what was dropped, of all clients
	wake chan struct{}  // holds one: something is there
	done chan struct{}  // closed by End

	mu      sync.Mutex
	queue   []waiting
	bytes   int
	dropped int // since the client was last told so
	level   endpoint.Level
	held    map[any]Held
	over    bool
}

// waiting is a notification that waits.
type waiting struct {
	method string
	params json.RawMessage
}

// Held is something that is kept for as long as a session lasts.
type Held interface{ End() }

// NewInbox makes an inbox that counts in lost what it drops.
func NewInbox(lost *atomic.Uint64) *Inbox {
	return &Inbox{lost: lost, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// Put has the client told something, which it copies. One that waits already is not
// added; beyond what a client may have waiting it is dropped and counted.
func (b *Inbox) Put(method string, params json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	same := func(w waiting) bool { return w.method == method && bytes.Equal(w.params, params) }
	switch {
	case b.over, slices.ContainsFunc(b.queue, same):
		return
	case len(b.queue) >= maxNotices || b.bytes+len(params) > maxNoticeBytes:
		b.dropped++
		b.lost.Add(1)
		return
	}
	b.queue = append(b.queue, waiting{method, bytes.Clone(params)})
	b.bytes += len(params)
	b.poke()
}

func (b *Inbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take takes the next notification out.
func (b *Inbox) take() (w waiting, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case len(b.queue) > 0:
		w, b.queue = b.queue[0], b.queue[1:]
		b.bytes -= len(w.params)
	case b.dropped > 0:
		w = waiting{endpoint.NoticeLogged, droppedNotice(b.dropped)}
		b.dropped = 0
	default:
		b.queue = nil // The array behind it may be large.
		return w, false
	}
	b.poke() // Another stream may take the next.
	return w, true
}

// droppedNotice tells a client that it reads too slowly. A server can name its
// logger likewise, but not whose words these are.
func droppedNotice(n int) json.RawMessage {
	text := fmt.Sprintf("This client reads too slowly: the gateway has dropped %d notifications.", n)
	return append(rawjson.AppendString([]byte(`{"level":"warning","logger":"gatehouse","_meta":{"`+endpoint.MetaOrigin+`":"gateway"},"data":`), text), '}')
}

// Deliver tells a client what comes until ctx or the inbox ends. Several may do so:
// each notification is told once.
func (b *Inbox) Deliver(ctx context.Context, tell func(method string, params json.RawMessage)) {
	for {
		for w, ok := b.take(); ok; w, ok = b.take() {
			tell(w.method, w.params)
			if ctx.Err() != nil {
				return
			}
		}
		select {
		case <-b.wake:
		case <-b.done:
			return
		case <-ctx.Done():
			b.poke() // It may have been meant for another stream.
			return
		}
	}
}

// Hold keeps what begin makes until it is released or the session ends, under a key.
// What is held under that already is returned instead.
func (b *Inbox) Hold(key any, begin func() (Held, error)) (Held, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, there := b.held[key]; there {
		return h, nil
	}
	switch {
	case b.over:
		return nil, ErrSessionOver
	case len(b.held) >= maxHeld:
		return nil, ErrTooMuchHeld
	}
	h, err := begin()
	if err != nil {
		return nil, err
	}
	if b.held == nil {
		b.held = map[any]Held{}
	}
	b.held[key] = h
	return h, nil
}

// Release ends what is held under a key, if there is something.
func (b *Inbox) Release(key any) {
	b.mu.Lock()
	h := b.held[key]
	delete(b.held, key)
	b.mu.Unlock()
	if h != nil {
		h.End()
	}
}

// SetLevel keeps the level of log messages that the client wants.
func (b *Inbox) SetLevel(level endpoint.Level) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.level = level
}

// Level is the level of log messages that the client wants; 0 is none. A nil Inbox
// has none.
func (b *Inbox) Level() endpoint.Level {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.level
}

// End ends all that is held. A nil Inbox has nothing.
func (b *Inbox) End() {
	if b == nil {
		return
	}
	b.mu.Lock()
	held := b.held
	if !b.over {
		close(b.done)
	}
	b.held, b.queue, b.over = nil, nil, true
	b.mu.Unlock()
	for _, h := range held {
		h.End()
	}
}

// oneLine is a message on one line.
func oneLine(body []byte) []byte {
	jsonrpc.OneLine(body)
	return body
}

// olderNotice is a notification as it is in revisions before 2026-07-28.
func olderNotice(method string, params json.RawMessage) []byte {
	return append(append([]byte(`{"jsonrpc":"2.0","method":"`+method+`","params":`), params...), '}')
}
