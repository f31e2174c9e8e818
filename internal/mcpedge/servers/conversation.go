package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// A way is how a url server is spoken to.
type way int

// The ways.
const (
	asStateless way = iota
	overStreamable
	overSSE
)

// conversation is what a url server knows as one session: with the older era
// it began with initialize and most often has an id; with 2026-07-28 there is
// nothing but requests.
type conversation struct {
	h    *HTTP
	way  way
	meta requestMeta

	// Set during the handshake and not changed afterwards.
	id        string // Mcp-Session-Id; empty if the server gave none
	target    string // where messages are posted
	info      endpoint.ServerInfo
	announces bool // changes of its lists

	tools     *subscription
	questions questions
	headers   paramHeaders

	lastID atomic.Uint64
	// ctx ends with the conversation; listening ends before, as soon as nothing
	// new is to be heard from the server.
	ctx       context.Context
	cancel    context.CancelCauseFunc
	listening context.Context
	deafen    context.CancelFunc
	calls     sync.WaitGroup

	mu      sync.Mutex
	pending map[string]*exchange
	// told is how many notifications an SSE server may still answer, though it should
	// not; telling of them may not have reached it yet. toldAt is the number of the
	// latest request when the last of the others had reached it.
	told, telling int
	toldAt        uint64

	// Guarded by h.mu.
	proven  bool // a request has been answered since the handshake
	refused int  // the HTTP status with which the probe was refused
}

func (h *HTTP) newConversation(by way) *conversation {
	c := &conversation{
		h: h, way: by, meta: newRequestMeta(h.opts.Version), target: h.base.String(),
		tools: newSubscription(), pending: make(map[string]*exchange),
	}
	c.ctx, c.cancel = context.WithCancelCause(h.ctx)
	c.listening, c.deafen = context.WithCancel(c.ctx)
	return c
}

func (c *conversation) stateless() bool { return c.way == asStateless }

// retire lets the calls under way go on to their end and then ends the
// conversation. Its owner makes sure that there will be no new ones.
func (c *conversation) retire() {
	c.deafen()
	c.calls.Wait()
	c.cancel(errClosed)
}

// idOf returns the id of a request, one that no server would use for requests of its
// own: a server's request must not be taken for an answer to ours.
func idOf(number uint64) string { return "gatehouse-" + strconv.FormatUint(number, 10) }

func (c *conversation) newExchange(req endpoint.Request) *exchange {
	number := c.lastID.Add(1)
	x := &exchange{id: idOf(number), number: number, limit: c.h.opts.MaxMessageBytes, progress: req.Progress, lasts: req.Lasts, asks: req.Asks, notice: req.Notice, weight: req.Weight, by: req.By, settled: make(chan struct{})}
	x.facts.id = x.id
	if req.MaxResultBytes > 0 {
		x.limit = req.MaxResultBytes
	}
	c.mu.Lock()
	c.pending[x.id] = x
	c.mu.Unlock()
	return x
}

func (c *conversation) forget(x *exchange) {
	c.mu.Lock()
	delete(c.pending, x.id)
	c.mu.Unlock()
}

// waiting returns the exchange with that id, as the server wrote it; nil if
// nobody waits for it.
func (c *conversation) waiting(rawID []byte) *exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending[rawjson.Text(rawID)]
}

// drainTime is how long a stream that has brought its answer is read on, so
// that its connection can be used again; maxDrain is how much of it is read.
const (
	drainTime = time.Second
	maxDrain  = 64 << 10
)

// ask posts a request and waits for its answer, or until ctx or the
// conversation ends. It reports what happened and draws no conclusion.
func (c *conversation) ask(ctx context.Context, req endpoint.Request) facts {
	x := c.newExchange(req)
	defer x.leave()
	defer c.forget(x)
	// The request's own context outlives the caller's where only the end of
	// the stream is still to be read.
	own, cancel := context.WithCancelCause(context.WithValue(c.ctx, exchangeKey{}, x))
	leave := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer leave()
	x.elsewhere = func() { cancel(nil) }
	post := c.request(own, x, req)
	if req.MaxBytes > 0 && post.ContentLength > req.MaxBytes {
		cancel(nil)
		return facts{id: x.id, excess: &endpoint.RequestTooLarge{Size: post.ContentLength, Limit: req.MaxBytes}}
	}
	resp, err := c.h.client.Do(post)
	if err != nil { // The tap has noted why.
		cancel(nil)
		return x.state()
	}
	if c.way == overSSE && resp.StatusCode/100 == 2 {
		_ = resp.Body.Close()
		c.awaitOnStream(own, x)
		cancel(nil)
		return x.state()
	}
	reusable := c.receive(own, resp, x)
	if f := x.state(); reusable && f.answered && leave() && c.h.enter() {
		go c.drain(resp.Body, cancel)
		return f
	}
	cancel(nil)
	_ = resp.Body.Close()
	return x.state()
}

// awaitOnStream waits for an answer that comes on the stream of an SSE server.
func (c *conversation) awaitOnStream(ctx context.Context, x *exchange) {
	select {
	case <-x.settled:
	case <-ctx.Done():
	}
}

// drain reads to the end of a stream that has brought its answer.
func (c *conversation) drain(body io.ReadCloser, cancel context.CancelCauseFunc) {
	defer c.h.work.Done()
	defer cancel(nil)
	timer := time.AfterFunc(drainTime, func() { cancel(nil) })
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, body, maxDrain) // The answer is there already.
	_ = body.Close()
}

// message acts on a message of the server that came on the stream of an
// exchange, or on one that is nobody's.
func (c *conversation) message(m jsonrpc.Message, of *exchange) {
	switch m.Kind() {
	case jsonrpc.Answer:
		if x := c.waiting(m.ID); x != nil {
			c.heardOf(x)
			x.settle(x.responseTo(m))
			if x != of && c.way != overSSE {
				x.comeElsewhere()
			}
		}
	case jsonrpc.Notification:
		c.notified(m, of)
	case jsonrpc.Request:
		if !c.stateless() { // 2026-07-28 knows no requests of servers.
			c.asked(m, of)
		}
	case jsonrpc.Unknown:
		if c.way == overSSE && m.Method == nil && m.Error != nil {
			c.nameless(m)
		}
	}
}

// nameless acts on an error without an id on the one stream of all: it is the answer to
// the only request that the server has, unless it may be what the server says to a
// notification.
func (c *conversation) nameless(m jsonrpc.Message) {
	if c.ofNotice() {
		return
	}
	if x := c.only(); x != nil {
		answer, failure, _ := x.responseTo(m)
		x.settle(answer, failure, true)
	}
}

// ofNotice reports whether an error that does not say whose it is may be the answer to a
// notification: each pays for one, until a request that was made after it had reached the
// server is answered.
func (c *conversation) ofNotice() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == 0 {
		return false
	}
	c.told--
	return true
}

// heardOf notes that the server has answered a request by its id.
func (c *conversation) heardOf(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.number > c.toldAt {
		c.told = min(c.told, c.telling)
	}
}

// asked answers a request of the server, or has its client do so.
func (c *conversation) asked(m jsonrpc.Message, of *exchange) {
	body := replyLine(m)
	if forClient(c.h.opts.Client, m) {
		ask := c.questions.begin(c.ctx, m, c.whomToAsk(of), c.h.opts.AskTimeout)
		if ask != nil && c.h.enter() {
			go func() { // Ends with the question: at its answer, after a time, or with the session.
				defer c.h.work.Done()
				if body := ask(); body != nil {
					c.h.aside(func(ctx context.Context) { c.tell(ctx, nil, body) })
				}
			}()
			return
		}
		body = crowdedOut(m)
	}
	if body != nil {
		c.h.aside(func(ctx context.Context) { c.tell(ctx, nil, body) })
	}
}

// whomToAsk is the client by the stream of the call that something came with, or of the
// only one that runs, else by one of its session's own.
func (c *conversation) whomToAsk(of *exchange) endpoint.Asker {
	if of == nil {
		of = c.only()
	}
	if of != nil && of.asks != nil {
		return of.asks
	}
	return c.h.opts.Client
}

// tellClient passes a notification on.
func (c *conversation) tellClient(m jsonrpc.Message, of *exchange) {
	send := c.questions.passOn(m, c.whomToAsk(of))
	if send == nil || !c.h.enter() {
		return
	}
	go func() { // Ends with the notification: once it is sent, after a time, or with the session.
		defer c.h.work.Done()
		send(c.ctx)
	}()
}

// only returns the only exchange whose request may have reached the server and that
// waits for an answer, nil if there are more or none.
func (c *conversation) only() (only *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.pending {
		switch f := x.state(); {
		case !f.sent || f.answered:
		case only != nil:
			return nil
		default:
			only = x
		}
	}
	return only
}

func (c *conversation) notified(m jsonrpc.Message, of *exchange) {
	if id := withdrawnBy(m); id != nil {
		c.questions.withdraw(id)
	}
	if of != nil && of.notice != nil && isNotice[m.Name()] {
		of.notice(m.Name(), endpoint.WithoutOwnMeta(m.Params)) // It came on the request's own stream.
		return
	}
	if !c.stateless() && isToldToClient(c.h.opts.Client, m) {
		c.tellClient(m, of)
		return
	}
	switch m.Name() {
	case methodToolsChange:
		c.h.opts.OnToolsChanged()
	case methodAcknowledged:
		c.tools.acknowledged(func() { anyChanged(c.h.opts.OnToolsChanged, c.h.opts.OnListChanged) })
	case methodProgress:
		token, rest := splitToken(m.Params)
		if x := c.waiting(token); x != nil && x.progress != nil {
			x.progress(rest)
		}
	default:
		announced(m.Name(), c.h.opts.OnListChanged)
		if of == nil || m.Name() != endpoint.NoticeLogged { // What belongs to a request is nobody else's.
			noticed(m, c.h.opts.OnNotice)
		}
	}
}

// isNotice are the notifications that may belong to one request alone.
var isNotice = map[string]bool{endpoint.NoticeLogged: true, endpoint.NoticeUpdated: true, endpoint.NoticeTask: true, methodAcknowledged: true}

// tell posts a message that expects no answer, and returns what became of it.
func (c *conversation) tell(ctx context.Context, x *exchange, body []byte) facts {
	if x == nil {
		x = &exchange{}
	}
	own, cancel := context.WithCancelCause(context.WithValue(ctx, exchangeKey{}, x))
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()
	if resp, err := c.h.client.Do(c.post(own, body)); err == nil {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain) // It keeps the connection.
		_ = resp.Body.Close()
	}
	return x.state()
}

// notify posts a notification, as tell does.
func (c *conversation) notify(ctx context.Context, x *exchange, method string, params json.RawMessage) facts {
	c.mu.Lock()
	c.told++
	c.telling++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.telling--
		c.toldAt = c.lastID.Load()
	}()
	return c.tell(ctx, x, notificationLine(method, params))
}

// giveUp tells the server that nobody waits for the answer to a request any
// more. With 2026-07-28 the end of the request has told it.
func (c *conversation) giveUp(f facts, method string) {
	if !f.sent || c.stateless() || method == methodInitialize {
		return
	}
	c.h.aside(func(ctx context.Context) {
		c.notify(ctx, nil, methodCancelled, cancelParams(quote(f.id)))
	})
}

// goodbye tells the server that the session is over. It need not answer.
func (c *conversation) goodbye(ctx context.Context) {
	if c.id == "" || c.way != overStreamable {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.target, http.NoBody)
	if err != nil {
		return
	}
	c.addSession(req.Header)
	if resp, err := c.h.client.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

// locate takes the address to which an SSE server wants to be sent messages.
func (c *conversation) locate(target string) error {
	at, err := c.h.base.Parse(target)
	if err != nil || !sameOrigin(at, c.h.base) {
		return errForeignHost
	}
	c.target = at.String()
	return nil
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s) //nolint:errchkjson // A string always marshals.
	return b
}

// lostBy words the end of a session.
func (h *HTTP) lostBy(cause error) error {
	return fmt.Errorf("lost the session with %s: %w", h.opts.Shown, cause)
}
