package servers

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// Transport says how a url server is spoken to. The values are those of the
// configuration.
type Transport string

// The transports of url servers.
const (
	// StreamableHTTP is the transport of 2025-03-26 and later.
	StreamableHTTP Transport = "http"
	// SSE is the transport of 2024-11-05.
	SSE Transport = "sse"
	// Auto is StreamableHTTP, and SSE if the server answers the first request
	// with 400, 404 or 405.
	Auto Transport = "auto"
)

// HTTPOptions say which server to reach, and how.
type HTTPOptions struct {
	// URL is http or https, fully expanded; it may hold secrets and is never
	// shown.
	URL string
	// Shown stands for the url in errors, without secrets: the url as it was
	// written. Default: scheme and host.
	Shown string
	// Headers go with every request to the url's own host, and to no other.
	// Those of the protocol itself can't be set.
	Headers map[string]string
	// Credentials, unless nil, has the Authorization header of each request. The entry
	// has none then.
	Credentials Credentials
	Transport   Transport // default Auto
	Version     string    // of the gateway, told to the server
	// Era is what the session begins with; unknown finds out.
	Era endpoint.Era
	// OnEra is told, whenever a session was opened or could not be, with what
	// the next one with this server should begin.
	OnEra func(next endpoint.Era)
	// MaxMessageBytes limits a result where the request does not, and any
	// other message. Default DefaultMaxMessageBytes.
	MaxMessageBytes int64
	// Budget is what answers that are large take their bytes of while they are
	// read. Default: nothing.
	Budget *weight.Budget
	// OnToolsChanged is called when the server announces that its tools have
	// changed, possibly in a flood. It must not block.
	OnToolsChanged func()
	// OnListChanged is the same for its other lists.
	OnListChanged func(endpoint.List)
	// OnNotice is the same for notifications that agents may have asked for. The
	// params are not to be kept.
	OnNotice func(method string, params json.RawMessage)
	// Client is whose session this is for; nil if it is all agents'. Questions are
	// answered by it, within AskTimeout.
	Client     endpoint.Client
	AskTimeout time.Duration
	// OnRenewed is called when the server knew its session no longer and a new
	// one has taken its place, with what it said. It must not block.
	OnRenewed func(reason string)
	// Redact takes secrets out of what the server says, before that is cut.
	// Default: nothing is taken out.
	Redact func(text string) string
}

func (o HTTPOptions) withDefaults() HTTPOptions {
	o.MaxMessageBytes = cmp.Or(o.MaxMessageBytes, DefaultMaxMessageBytes)
	o.Transport = cmp.Or(o.Transport, Auto)
	if o.OnToolsChanged == nil {
		o.OnToolsChanged = func() {}
	}
	if o.OnListChanged == nil {
		o.OnListChanged = func(endpoint.List) {}
	}
	if o.OnNotice == nil {
		o.OnNotice = func(string, json.RawMessage) {}
	}
	if o.OnRenewed == nil {
		o.OnRenewed = func(string) {}
	}
	if o.Redact == nil {
		o.Redact = func(text string) string { return text }
	}
	if o.OnEra == nil {
		o.OnEra = func(endpoint.Era) {}
	}
	return o
}

const (
	// sideTimeout bounds what we send without anyone waiting for it.
	sideTimeout = 5 * time.Second
	// maxSide is how many such requests may run at once; more are dropped.
	maxSide = 64
	// idleConnection is shorter than the 5 s after which the most common
	// servers close an idle connection, so that a request does not meet a
	// closing one: it could not be sent again.
	idleConnection = 4 * time.Second
	// maxConnections is how many idle connections are kept.
	maxConnections = 100
)

// HTTP is a session with a url server. To the server it may be several, one after
// the other: when it refuses a request as if it knew the session no longer, it
// is asked for a sign of life in that session, and if it refuses that too a new
// one takes its place. The request that was refused has then not run: its caller
// gets [endpoint.NotWritten] with [endpoint.ErrRenewed], and calls under way
// elsewhere go on as they are.
//
// What happens to one request is that request's: a refusal is
// *endpoint.RefusedRequest, a connection that breaks *endpoint.CutStream. The session
// ends only when no connection to the server can be made, when it does not
// answer the question for life by a broken connection, when no new session can
// be opened in place of one that it knows no longer (*Unauthorized if it wants
// other credentials), and over SSE when its stream ends. Calls under way then
// may outlive Done: each ends with its own connection, at its deadline, or by
// Close.
type HTTP struct {
	opts HTTPOptions
	base *url.URL
	pool *http.Transport
	// client sends what is sent through the tap.
	client *http.Client

	received atomic.Uint64
	pace     jsonrpc.Pace
	side     chan struct{} // one token for each request that nobody waits for

	ctx    context.Context // ends with Close, or once the last call has ended
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	current *conversation
	retired []*conversation
	renewed time.Time // when current took the place of another
	doubts  *doubt    // the question that is being asked now
	cause   error     // why it ended; set once
	work    sync.WaitGroup
	// unanswered is set together with cause.
	unanswered endpoint.Calls

	done chan struct{}
}

var _ endpoint.Session = (*HTTP)(nil)

// Info implements [endpoint.Session].
func (h *HTTP) Info() endpoint.ServerInfo {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current.info
}

// PID implements [endpoint.Session]: there is no process.
func (h *HTTP) PID() int { return 0 }

// Done implements [endpoint.Session].
func (h *HTTP) Done() <-chan struct{} { return h.done }

// Received implements [endpoint.Session].
func (h *HTTP) Received() uint64 { return h.received.Load() }

// Err implements [endpoint.Session].
func (h *HTTP) Err() error {
	select {
	case <-h.done:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.cause
	default:
		return nil
	}
}

// Close implements [endpoint.Session]. The server is told that its session
// is over.
func (h *HTTP) Close(cause error) {
	cause = cmp.Or(cause, errClosed)
	h.end(cause, func() {
		h.cancel(cause)
		h.work.Wait()
		if h.current != nil {
			h.current.goodbye(h.ctx)
		}
		close(h.done)
	})
	h.cancel(cause) // Also what outlived the end of the session.
}

// lost ends the session with a server that can't be used any more. Calls under
// way go on.
func (h *HTTP) lost(cause error) {
	if !h.isOpen() {
		return // Whoever opens it finds out, or its first call.
	}
	h.end(cause, func() {
		close(h.done)
		h.current.retire()
		h.work.Wait()
		h.cancel(cause)
	})
}

func (h *HTTP) isOpen() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current != nil
}

// end ends the session, once.
func (h *HTTP) end(cause error, finish func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		return
	}
	h.cause = cause
	h.unanswered = h.running() // Before its calls learn of the end and leave.
	go func() {
		finish()
		h.pool.CloseIdleConnections()
	}()
}

// streamEnded ends the session with an SSE server whose stream has ended, and
// its calls, which nobody can answer any more. A conversation that another has
// taken the place of ends alone.
func (h *HTTP) streamEnded(c *conversation) {
	h.mu.Lock()
	current := h.current == c
	h.mu.Unlock()
	if current {
		h.lost(ErrStreamEnded)
	}
	c.cancel(ErrStreamEnded)
}

// begin counts a call in; false means that the session is over.
func (h *HTTP) begin() (*conversation, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		return nil, false
	}
	h.work.Add(1)
	h.current.calls.Add(1)
	return h.current, true
}

// enter counts a piece of work that the end of the session waits for; false
// means that it is over.
func (h *HTTP) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		return false
	}
	h.work.Add(1)
	return true
}

// aside does something that nobody waits for, within sideTimeout.
func (h *HTTP) aside(do func(ctx context.Context)) {
	select {
	case h.side <- struct{}{}:
	default:
		return
	}
	if !h.enter() {
		<-h.side
		return
	}
	go func() {
		defer h.work.Done()
		defer func() { <-h.side }()
		ctx, cancel := context.WithTimeout(h.ctx, sideTimeout)
		defer cancel()
		do(ctx)
	}()
}

// Call implements [endpoint.Session].
func (h *HTTP) Call(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	ctx, stop := req.Until(ctx)
	defer stop()
	if ctx.Err() != nil {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(ctx)}
	}
	if len(req.Params) > 0 && !rawjson.Valid(req.Params) {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: errBadParams}
	}
	c, ok := h.begin()
	if !ok {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: h.why()}
	}
	defer h.work.Done()
	defer c.calls.Done()
	c.tools.asked(req.Method)
	return h.conclude(ctx, c, req.Method, c.ask(ctx, req))
}

func (h *HTTP) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause
}

// conclude says what became of a call, by the facts.
func (h *HTTP) conclude(ctx context.Context, c *conversation, method string, f facts) (endpoint.Response, error) {
	switch {
	case f.excess != nil:
		return endpoint.Response{}, f.excess
	case f.fine():
		h.prove(c)
		if c.stateless() && method == methodToolsList && f.response.Result != nil {
			f.response.Result = c.headers.learn(f.response.Result)
		}
		return f.response, f.failure
	case !f.answered && ctx.Err() != nil:
		c.giveUp(f, method)
		return endpoint.Response{}, f.unsent(context.Cause(ctx))
	case !f.answered && c.ctx.Err() != nil:
		return endpoint.Response{}, f.unsent(context.Cause(c.ctx))
	case f.unreached():
		cause := h.lostBy(plain(f.err))
		h.lost(cause)
		return endpoint.Response{}, &endpoint.NotWritten{Cause: cause}
	case f.cut():
		h.doubtAside(c, f)
		return endpoint.Response{}, &endpoint.CutStream{Cause: plain(f.err)}
	default:
		return h.refused(ctx, c, f)
	}
}

// prove notes that the server answers in a conversation.
func (h *HTTP) prove(c *conversation) {
	h.mu.Lock()
	c.proven = true
	h.mu.Unlock()
}
