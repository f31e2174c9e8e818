package agents

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

const (
	// streamWait is how long a question waits for a stream.
	streamWait = 30 * time.Second
	// maxQuestions is how many questions one client may have to answer at a time.
	maxQuestions = 64
)

// Client is the client of one session, as servers may ask it for something. It
// implements endpoint.Client. Answers are taken from its own session alone: the ids
// of its questions mean nothing elsewhere, and cannot be guessed.
type Client struct {
	prefix string         // of the ids
	strays *atomic.Uint64 // counts answers that nobody waits for, of all clients
	used   atomic.Int64   // when there was a request of the session last, in nanoseconds
	ended  chan struct{}

	mu       sync.Mutex
	revision string
	declared json.RawMessage
	last     uint64
	waiting  map[string]chan endpoint.Response
	parked   map[string]*call // of a client of 2026-07-28 that has been asked, by state
	streams  []*clientStream
	came     chan struct{} // closed when a stream is opened; nil if nobody waits
	hearers  map[*hearer]struct{}
	over     bool
}

// clientStream is one of the session's own, on which nothing but notifications and
// questions are sent.
type clientStream struct{ send notifyFunc }

type hearer struct{ notified func(method string) }

func newClient(strays *atomic.Uint64) *Client {
	c := &Client{prefix: "gatehouse-" + rand.Text()[:10] + "-", strays: strays, ended: make(chan struct{})}
	c.touch()
	return c
}

// opened notes what initialize settled.
func (c *Client) opened(revision, declared string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision, c.declared = revision, json.RawMessage(declared)
}

// speaks notes what a request of 2026-07-28 says of its client, where no handshake has
// settled anything. A nil Client hears nothing.
func (c *Client) speaks(capabilities json.RawMessage) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision != "" && c.revision != endpoint.StatelessRevision || c.revision != "" && bytes.Equal(c.declared, capabilities) {
		return
	}
	c.revision, c.declared = endpoint.StatelessRevision, nil
	if isKept(capabilities) {
		c.declared = bytes.Clone(capabilities)
	}
}

// park keeps a call whose client has been asked something, by the state with which it
// comes back.
func (c *Client) park(state string, asking *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
		return endpoint.ErrClientGone
	case len(c.parked) >= maxQuestions:
		return endpoint.ErrTooManyQuestions
	}
	if c.parked == nil {
		c.parked = map[string]*call{}
	}
	c.parked[state] = asking
	return nil
}

// parkedAs is the call that is kept by a state; nil if there is none.
func (c *Client) parkedAs(state string) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parked[state]
}

// unpark forgets a state, and reports whether there was a call by it.
func (c *Client) unpark(state string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, there := c.parked[state]
	delete(c.parked, state)
	return there
}

// touch notes a sign of life. A nil Client has none.
func (c *Client) touch() {
	if c != nil {
		c.used.Store(time.Now().UnixNano())
	}
}

// Revision implements endpoint.Client.
func (c *Client) Revision() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revision
}

// Declared implements endpoint.Client.
func (c *Client) Declared() json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.declared
}

// Alive implements endpoint.Client.
func (c *Client) Alive() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) > 0 {
		return time.Now()
	}
	return time.Unix(0, c.used.Load())
}

// Ended implements endpoint.Client.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// end ends the session. A nil Client has none; repeating it does no harm.
func (c *Client) end() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over = true
		close(c.ended)
	}
}

// Hear implements endpoint.Client.
func (c *Client) Hear(notified func(method string)) (stop func()) {
	h := &hearer{notified}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hearers == nil {
		c.hearers = map[*hearer]struct{}{}
	}
	c.hearers[h] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.hearers, h)
	}
}

// notified passes on a notification of the client that concerns servers.
func (c *Client) notified(method string) {
	if c == nil || method != endpoint.NoticeRoots {
		return
	}
	c.mu.Lock()
	hearers := make([]*hearer, 0, len(c.hearers))
	for h := range c.hearers {
		hearers = append(hearers, h)
	}
	c.mu.Unlock()
	for _, h := range hearers {
		h.notified(method)
	}
}

// attach has questions sent on a stream of the session until detach is called. send
// may block on a slow client.
func (c *Client) attach(send notifyFunc) (detach func()) {
	s := &clientStream{send}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams = append(c.streams, s)
	if c.came != nil {
		close(c.came)
		c.came = nil
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, other := range c.streams {
			if other == s {
				c.streams = append(c.streams[:i:i], c.streams[i+1:]...)
				break
			}
		}
		c.touch()
	}
}

// stream is the latest of the session's own; nil if there is none, with what is
// closed when there is.
func (c *Client) stream() (*clientStream, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.streams); n > 0 {
		return c.streams[n-1], nil
	}
	if c.came == nil {
		c.came = make(chan struct{})
	}
	return nil, c.came
}

// Ask implements endpoint.Asker, on a stream of the session's own. In 2026-07-28 nobody
// is asked but in a call.
func (c *Client) Ask(ctx context.Context, method string, params json.RawMessage) (endpoint.Response, error) {
	if c.Revision() >= endpoint.StatelessRevision {
		return endpoint.Response{}, endpoint.ErrNoCall
	}
	return c.ask(ctx, method, params, func([]byte) bool { return false })
}

// Tell implements endpoint.Asker, on a stream of the session's own. 2026-07-28 has no
// such notifications.
func (c *Client) Tell(method string, params json.RawMessage) (send func(ctx context.Context)) {
	if c.Revision() >= endpoint.StatelessRevision {
		return nil
	}
	body := jsonrpc.AppendNotification(nil, method, params)
	return func(ctx context.Context) { _ = c.send(ctx, body) } // Nobody is told that it has not come.
}

// ask asks on a stream that try knows of, if it reports that there is one, else on
// one of the session's own.
func (c *Client) ask(ctx context.Context, method string, params json.RawMessage, try func(body []byte) bool) (endpoint.Response, error) {
	id, answer, err := c.expect()
	if err != nil {
		return endpoint.Response{}, err
	}
	defer c.forget(id)
	quoted := rawjson.AppendString(nil, id)
	question := jsonrpc.AppendRequest(nil, quoted, method, params)
	jsonrpc.OneLine(question)
	send := func(body []byte) error {
		if try(body) {
			return nil
		}
		return c.send(ctx, body)
	}
	if err := send(question); err != nil {
		return endpoint.Response{}, err
	}
	select {
	case response := <-answer:
		return response, nil
	case <-c.ended:
		return endpoint.Response{}, endpoint.ErrClientGone
	case <-ctx.Done():
		cancelled := append(append([]byte(`{"requestId":`), quoted...), `,"reason":"the server no longer waits"}`...)
		if body := jsonrpc.AppendNotification(nil, "notifications/cancelled", cancelled); !try(body) {
			if s, _ := c.stream(); s != nil {
				s.send(body)
			}
		}
		return endpoint.Response{}, context.Cause(ctx)
	}
}

// send sends a message on a stream of the session's own, and waits for one at most
// streamWait.
func (c *Client) send(ctx context.Context, body []byte) error {
	limit := time.NewTimer(streamWait)
	defer limit.Stop()
	for {
		s, came := c.stream()
		if s != nil {
			s.send(body)
			return nil
		}
		select {
		case <-came:
		case <-limit.C:
			return endpoint.ErrNoStream
		case <-c.ended:
			return endpoint.ErrClientGone
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// expect makes the id of a question, whose answer comes on the channel.
func (c *Client) expect() (id string, answer chan endpoint.Response, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
		return "", nil, endpoint.ErrClientGone
	case len(c.waiting) >= maxQuestions:
		return "", nil, endpoint.ErrTooManyQuestions
	}
	if c.waiting == nil {
		c.waiting = map[string]chan endpoint.Response{}
	}
	c.last++
	id, answer = c.prefix+strconv.FormatUint(c.last, 10), make(chan endpoint.Response, 1)
	c.waiting[id] = answer
	return id, answer, nil
}

func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// answered takes an answer of the client: of one that is late, forged or somebody
// else's nothing is kept. A nil Client has been asked for nothing.
func (c *Client) answered(raw []byte, strays *atomic.Uint64) {
	env, ok := jsonrpc.Read(raw)
	if c == nil || !ok || env.Ambiguous {
		strays.Add(1)
		return
	}
	id := rawjson.Text(env.ID)
	c.mu.Lock()
	waiting := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if waiting == nil {
		strays.Add(1)
		return
	}
	waiting <- answerOf(env) // It holds one, and nobody else sends.
}

// answerOf is what a client answered. An answer that is neither is an error.
func answerOf(env jsonrpc.Message) endpoint.Response {
	switch {
	case !endpoint.CanBeSent(env.Error), !endpoint.CanBeSent(env.Result):
		return endpoint.Response{Error: json.RawMessage(`{"code":-32603,"message":"the client answered with something that nests too deep, a number that is too large or too long, or half of a surrogate pair"}`)}
	case !absent(env.Error) && rawjson.First(env.Error) == '{':
		return endpoint.Response{Error: append(json.RawMessage(nil), env.Error...)}
	case rawjson.First(env.Result) == '{':
		return endpoint.Response{Result: append(json.RawMessage(nil), env.Result...)}
	default:
		return endpoint.Response{Error: json.RawMessage(`{"code":-32603,"message":"the client answered with neither a result nor an error"}`)}
	}
}

var _ endpoint.Client = (*Client)(nil)
