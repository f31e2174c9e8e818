package servers

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
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
	Headers   map[string]string
	Transport Transport // default Auto
	Version   string    // of the gateway, told to the server
	// Era is what the session begins with; unknown finds out.
	Era endpoint.Era
	// OnEra is told, before OpenHTTP returns, with what the next session with
	// this server should begin.
	OnEra func(next endpoint.Era)
	// MaxMessageBytes limits a result where the request does not, and any
	// other message. Default DefaultMaxMessageBytes.
	MaxMessageBytes int64
	// OnToolsChanged is called when the server announces that its tools have
	// changed, possibly in a flood. It must not block.
	OnToolsChanged func()
	// OnEnd is called once when the session has ended, before Done.
	OnEnd func(cause error)
}

func (o HTTPOptions) withDefaults() HTTPOptions {
	o.MaxMessageBytes = cmp.Or(o.MaxMessageBytes, DefaultMaxMessageBytes)
	o.Transport = cmp.Or(o.Transport, Auto)
	if o.OnToolsChanged == nil {
		o.OnToolsChanged = func() {}
	}
	if o.OnEnd == nil {
		o.OnEnd = func(error) {}
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

// wire is the part of mcp-go's transports that is used.
type wire interface {
	transport.Interface
	SetProtocolVersion(version string)
}

// HTTP is a session with a url server. It owns its connections, for SSE and
// for servers that announce changes of their tools also a goroutine that
// listens, and ends when the connection to the server is refused, reset or
// closed while someone waits for an answer, when the server answers 401 or
// 403 (*Unauthorized), when it has forgotten the session (404), over SSE when
// its stream ends, and when a server of 2026-07-28 turns out to be one no
// longer.
//
// With a server of 2026-07-28 there is no session on the wire: each request is
// one POST that says all, and to close it is to cancel it. With others mcp-go's
// transports do what is HTTP.
//
// A server that answers a request with an HTTP error or with something that
// is no JSON-RPC answer does not end the session: the call's Response then
// has an error object of our own making, code -32603, that says so.
type HTTP struct {
	opts  HTTPOptions
	base  *url.URL
	shown string
	pool  *http.Transport
	// client sends what is sent through the tap.
	client *http.Client
	wire   wire // nil in a session of 2026-07-28
	sse    bool
	info   endpoint.ServerInfo

	// What a session of 2026-07-28 needs.
	stateless bool
	dress     dresser
	tools     *subscription
	headers   paramHeaders
	doubting  atomic.Bool

	// opened is closed after the handshake; listens is set before.
	opened  chan struct{}
	listens bool
	// listener is used by mcp-go's one listening goroutine only.
	listener listener

	received atomic.Uint64
	lastID   atomic.Uint64
	side     chan struct{} // one token for each request that nobody waits for

	ctx    context.Context // ends with the session; its cause says why
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	over    bool
	quiet   bool // the server is told nothing more, it could not be reached
	pending map[string]*exchange
	work    sync.WaitGroup
	// unanswered is set together with over.
	unanswered endpoint.Calls

	done chan struct{}
}

var _ endpoint.Session = (*HTTP)(nil)

// Info implements [endpoint.Session].
func (h *HTTP) Info() endpoint.ServerInfo { return h.info }

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
		return context.Cause(h.ctx)
	default:
		return nil
	}
}

// Close implements [endpoint.Session]. The server is told that its session
// is over.
func (h *HTTP) Close(cause error) {
	h.end(cmp.Or(cause, errClosed))
}

// end ends the session, once.
func (h *HTTP) end(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return
	}
	h.over = true
	h.unanswered = h.running() // Before its calls learn of the end and leave.
	h.cancel(cause)
	go h.finish()
}

// lost ends the session with a server that can't be reached any more.
func (h *HTTP) lost(cause error) {
	h.mu.Lock()
	h.quiet = true
	h.mu.Unlock()
	h.end(cause)
}

func (h *HTTP) finish() {
	h.opts.OnEnd(context.Cause(h.ctx))
	h.work.Wait()
	if h.wire != nil {
		_ = h.wire.Close() // It only tells the server, who need not answer.
	}
	h.pool.CloseIdleConnections()
	close(h.done)
}

// enter counts a piece of work that end waits for; false means that the
// session is over.
func (h *HTTP) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return false
	}
	h.work.Add(1)
	return true
}

// aside sends something that nobody waits for.
func (h *HTTP) aside(send func(ctx context.Context)) {
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
		send(ctx)
	}()
}

// nextID gives an id that no server would use for requests of its own: a
// server's request must not be taken for an answer to ours.
func (h *HTTP) nextID() string {
	return "gatehouse-" + strconv.FormatUint(h.lastID.Add(1), 10)
}

func notification(method string, fields map[string]any) mcp.JSONRPCNotification {
	return mcp.JSONRPCNotification{
		JSONRPC:      mcp.JSONRPC_VERSION,
		Notification: mcp.Notification{Method: method, Params: mcp.NotificationParams{AdditionalFields: fields}},
	}
}

func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s) //nolint:errchkjson // A string always marshals.
	return b
}
