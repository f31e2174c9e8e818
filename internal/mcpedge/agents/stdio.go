package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/identity"
	"gatehouse/internal/rawjson"
)

// cancelledGrace is how long a call may take to answer after it was cancelled
// because its conversation ends.
const cancelledGrace = 500 * time.Millisecond

// ErrAbandoned means that a conversation has ended in order but for calls that were
// cancelled and did not answer.
var ErrAbandoned = errors.New("calls were abandoned at the end of the conversation")

// Conversation says whose a conversation is, and how it is served.
type Conversation struct {
	// Surface is what the client sees; nil is the gateway's own tools.
	Surface Surface
	// Identity is who is at the other end, if something has proved it.
	Identity *identity.Caller
	// Drain is for running and waiting calls after the end of the input; 0 is
	// Options.DrainTimeout.
	Drain time.Duration
	// Late has lines that come after the end of the input, of which cancellations of
	// what still runs are taken; nil if none can.
	Late <-chan []byte
}

// ServeStdio is Serve for a conversation about which nothing is known.
func (e *Edge) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	return e.Serve(ctx, Conversation{}, in, out)
}

// Serve serves one conversation: messages of one line each from in,
// answers to out, and nothing else to out. It blocks until one of these:
//
//   - in ends: the calls that run are answered, for at most Drain; those
//     that remain are cancelled and have half a second to answer. It returns nil,
//     or ErrAbandoned if one has not answered even then.
//   - ctx ends: the calls are cancelled and have half a second to answer. It
//     returns the cause of ctx.
//   - reading or writing fails: likewise, and it returns that error.
//
// A blocked read cannot be interrupted: if in is not at its end when Serve
// returns, the goroutine that reads it stays until something comes or in is
// closed, which is the caller's business; so does a goroutine that writes to a
// client that does not read. Conversations share nothing, so several may be
// served at once.
func (e *Edge) Serve(ctx context.Context, with Conversation, in io.Reader, out io.Writer) error {
	c := e.newStdioConn(ctx, with, out)
	defer c.cancel(nil)
	defer func() { c.peer.mail().End() }()
	defer c.peer.asks.end()
	c.peer.asks.attach(c.write)
	stuck, end := c.read(in)
	switch {
	case errors.Is(end, io.EOF):
		if with.Late != nil {
			go c.cancelLate(with.Late)
		}
		if end = nil; !c.drain(cmp.Or(with.Drain, e.opts.DrainTimeout)) {
			end = ErrAbandoned
		}
	case !stuck:
		c.drain(0)
	}
	if broken := c.broken.Load(); broken != nil {
		return *broken
	}
	return end
}

// stdioConn is one conversation over stdio.
type stdioConn struct {
	edge   *Edge
	peer   *peer
	ctx    context.Context // of the conversation: ends with it
	cancel context.CancelCauseFunc
	calls  sync.WaitGroup

	lines   *lineReader
	blocked atomic.Bool // somebody waits for a line
	watched *told       // what is told of changes to the client; nil if nothing is
	ended   chan error  // holds one: why there are no more lines

	writing sync.Mutex // held while a message is written, however long
	out     io.Writer
	broken  atomic.Pointer[error] // what ended the output
}

func (e *Edge) newStdioConn(ctx context.Context, with Conversation, out io.Writer) *stdioConn {
	ctx, cancel := context.WithCancelCause(ctx)
	name := fmt.Sprintf("stdio-%d", e.stdios.Add(1))
	return &stdioConn{edge: e, peer: &peer{session: name, surface: with.Surface, identity: with.Identity, asks: newClient(&e.strays)}, ctx: ctx, cancel: cancel, out: out, ended: make(chan error, 1)}
}

// read has the lines read and served until they end. If ctx ends while a line is
// served to a client that does not read, the goroutine is left behind, stuck.
func (c *stdioConn) read(in io.Reader) (stuck bool, end error) {
	c.lines = newLineReader(in, c.edge.opts.MaxMessageBytes)
	go c.lead()
	select {
	case end = <-c.ended:
		return false, end
	case <-c.ctx.Done():
	}
	if c.blocked.Load() { // It waits for the client, who may never say more.
		return false, context.Cause(c.ctx)
	}
	select {
	case end = <-c.ended:
		return false, end
	case <-time.After(cancelledGrace):
		return true, context.Cause(c.ctx)
	}
}

// lead reads lines and serves them, one after the other. Before a call, which
// takes its time, it lets another goroutine go on reading and serves the call
// itself: so nothing has to be woken between a call's arrival and its way to
// the server.
func (c *stdioConn) lead() {
	for {
		l, end := c.nextLine()
		if end != nil {
			c.lines.close()
			c.ended <- end
			return
		}
		if serve := c.handle(l); serve != nil {
			c.calls.Add(1)
			go c.lead()
			serve()
			c.calls.Done()
			return
		}
	}
}

// nextLine reads a line, or returns why there are no more.
func (c *stdioConn) nextLine() (line, error) {
	c.blocked.Store(true)
	l, err := c.lines.next()
	c.blocked.Store(false)
	switch {
	case c.ctx.Err() != nil:
		return l, context.Cause(c.ctx)
	case err != nil && !errors.Is(err, io.EOF):
		return l, fmt.Errorf("cannot read from the agent: %w", err)
	default:
		return l, err
	}
}

// idOf is orNull in this conversation.
func (c *stdioConn) idOf(id json.RawMessage) json.RawMessage {
	revision, _ := c.peer.known()
	return orNull(id, revision)
}

// handle serves a line, or returns what serves it: calls and batches must not
// keep the lines behind them waiting. The rest is quick, and initialize must be
// done before what follows it.
func (c *stdioConn) handle(l line) (serve func()) {
	switch {
	case l.tooLong:
		c.edge.slowDown(c.ctx, c.peer, costNotice, c.edge.opts.MaxMessageBytes)
		text := fmt.Sprintf("this message has more than %d bytes", c.edge.opts.MaxMessageBytes)
		c.answer(failureAnswer(c.idOf(l.id), invalid(text)))
		return nil
	case rawjson.Space(l.data, 0) == len(l.data):
		c.edge.slowDown(c.ctx, c.peer, costLine, len(l.data))
		return nil
	case isBatch(l.data):
		return c.begin(len(l.data), func() func() answer {
			return func() answer { return c.edge.serveBatch(c.ctx, c.peer, l.data, c.write) }
		}, func(why error) answer {
			return failureAnswer(nil, &rpcFailure{code: mcp.INTERNAL_ERROR, text: why.Error()})
		})
	}
	if r, quick := quickToolRequest(l.data); quick {
		return c.beginCall(len(l.data), r)
	}
	m, failure := parseMessage(l.data)
	if failure == nil && m.isToolCall() {
		var r toolRequest
		if r, failure = readToolRequest(m, c.peer.served()); failure == nil {
			return c.beginCall(len(l.data), r)
		}
	}
	if failure == nil && c.edge.isSubscription(c.peer, m) {
		var r toolRequest
		if r, failure = readSurfaceRequest(m, c.peer.served()); failure == nil {
			return c.beginListen(len(l.data), r)
		}
	}
	if failure == nil && c.peer.isForSurface(m) {
		c.edge.slowDown(c.ctx, c.peer, costRequest, len(l.data))
		var r toolRequest
		if r, failure = readSurfaceRequest(m, c.peer.served()); failure == nil {
			return c.beginCall(len(l.data), r)
		}
	}
	if failure != nil {
		c.edge.slowDown(c.ctx, c.peer, costNotice, len(l.data))
		c.answer(failureAnswer(c.idOf(m.id), failure))
		return nil
	}
	c.answer(c.edge.serve(c.ctx, c.peer, m, nil, c.write))
	if m.isNotification() && m.method == methodInitialized {
		c.beginTelling()
	}
	return nil
}

// beginTelling has the client told of what changes from now on. One that has
// initialized anew hears of what it has asked for since.
func (c *stdioConn) beginTelling() {
	now := c.peer.telling()
	if now == nil || now == c.watched || c.watched != nil && now.inbox == nil {
		return
	}
	c.watched = now
	if now.inbox == nil {
		go c.watch(c.ctx, now)
		return
	}
	ctx, end := context.WithCancel(c.ctx)
	go func() { // Ends with what it was opened with, or the conversation.
		defer end()
		now.inbox.Deliver(ctx, func(method string, params json.RawMessage) { c.write(oneLine(olderNotice(method, params))) })
	}()
	go c.watch(ctx, now)
}

// methodInitialized is how a client says that it has heard the answer to
// initialize, and takes notifications from now on.
const methodInitialized = "notifications/initialized"

// watch tells the client of changes of the surface's lists until ctx ends.
func (c *stdioConn) watch(ctx context.Context, t *told) {
	watch(ctx, c.edge.listsOf(c.peer), c.peer.caller(), t, func(kind ListKind) { c.write(changeNotice(kind)) })
}

// beginCall is begin for a tools/call, or another request of a surface.
func (c *stdioConn) beginCall(size int, r toolRequest) (serve func()) {
	return c.begin(size, func() func() answer {
		return c.edge.beginCall(c.ctx, c.peer, r, nil, c.write)
	}, func(why error) answer { return c.peer.refusal(r, r.meta.revision(), why) })
}

// beginListen is begin for subscriptions/listen.
func (c *stdioConn) beginListen(size int, r toolRequest) (serve func()) {
	return c.begin(size, func() func() answer {
		return c.edge.beginListen(c.ctx, c.peer, r, c.write)
	}, func(why error) answer { return c.peer.refusal(r, r.meta.revision(), why) })
}

// begin begins to run a message of that size, and returns what serves it; or
// refuses it. Once it has begun, the next line may cancel it.
func (c *stdioConn) begin(size int, begin func() (run func() answer), refusal func(error) answer) (serve func()) {
	if err := c.edge.inFlight.begin(); err != nil {
		c.answer(refusal(err))
		return nil
	}
	share := c.edge.opts.Budget.Share()
	if !share.Grow(worked(size)) {
		c.edge.inFlight.end()
		c.answer(refusal(errHeavy))
		return nil
	}
	run := begin()
	return func() {
		defer c.edge.inFlight.end()
		a := run()
		share.Release() // Before the client can go on.
		c.answer(a)
	}
}

func (c *stdioConn) answer(a answer) {
	if !a.none() {
		a.body = c.send(a.body)
	}
	a.free()
}

// write sends one message.
func (c *stdioConn) write(body []byte) {
	c.send(append(make([]byte, 0, len(body)+1), body...))
}

// waitingAnswer is what an answer that waits takes besides its bytes.
const waitingAnswer = 8 << 10

// queue waits until this message is the one that is written. What waits takes of
// the budget, however small it is: an agent that asks and does not read is
// given up once that is full.
func (c *stdioConn) queue(size int) {
	if c.writing.TryLock() {
		return
	}
	share := c.edge.opts.Budget.Share()
	defer share.Release()
	if !share.Hold(size + waitingAnswer) {
		c.giveUp(errNotReading)
	}
	c.writing.Lock()
}

// send sends one message, to which it may append, and returns it. The first
// failure ends the conversation.
func (c *stdioConn) send(body []byte) []byte {
	c.queue(len(body))
	defer c.writing.Unlock()
	if c.broken.Load() != nil {
		return body
	}
	var err error
	if len(body) < maxPooled {
		body = append(body, '\n')
		_, err = c.out.Write(body)
	} else if _, err = c.out.Write(body); err == nil { // To append to it would copy it.
		_, err = c.out.Write(lineEnd)
	}
	if err != nil {
		c.giveUp(err)
	}
	return body
}

var lineEnd = []byte{'\n'}

// giveUp ends the conversation: its client cannot be written to.
func (c *stdioConn) giveUp(why error) {
	broken := fmt.Errorf("cannot write to the agent: %w", why)
	c.broken.CompareAndSwap(nil, &broken)
	c.cancel(broken)
}

// cancelLate takes cancellations until the conversation ends.
func (c *stdioConn) cancelLate(late <-chan []byte) {
	for {
		select {
		case l := <-late:
			if m, failure := parseMessage(l); failure == nil && m.isNotification() && m.method == string(mcp.MethodNotificationCancelled) {
				_ = c.edge.serve(c.ctx, c.peer, m, nil, c.write) // A notification has no answer.
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// drain waits for the running calls, then cancels and waits a little more. It reports
// whether all have been answered.
func (c *stdioConn) drain(patience time.Duration) bool {
	idle := make(chan struct{})
	go func() {
		c.calls.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return true
	case <-c.ctx.Done():
	case <-time.After(patience):
	}
	c.cancel(errClosed)
	select {
	case <-idle:
		return true
	case <-time.After(cancelledGrace):
		c.edge.log.Warn("calls abandoned at the end of a conversation", slog.String("session", c.peer.session))
		return false
	}
}
