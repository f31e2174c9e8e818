package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/tracecontext"
	"gatehouse/internal/weight"
)

// Caller is who is at the other end, as far as the edge knows. All of it but
// Identity is what the client said of itself: good for logs and for shaping a
// result, never for a decision.
type Caller struct {
	// Client is "name/version" of the client's clientInfo, printable and at
	// most 200 bytes; empty if the client did not say or the gateway was
	// restarted since.
	Client string
	// Session names the conversation: "stdio-N", an HTTP session id, or empty
	// for a request over HTTP without one.
	Session string
	// From is the address that a request over HTTP without a credential came
	// from: an IPv4 address or the first 64 bits of an IPv6 one; else empty.
	From string
	// Protocol is the revision in force for this call, such as "2025-11-25".
	// It is empty only for a call over stdio before initialize.
	Protocol string
	// Identity is what the request proved, by Options.Authorize; nil without
	// one, and over stdio.
	Identity *identity.Caller
	// Agent is the one that the address names, ?agent=, at which the request or
	// its session came in; "" if it names none.
	Agent string
	// Declared are the client's capabilities, as it declared them when it opened its
	// session: a JSON object. "" where there was no such moment, as in 2026-07-28, and
	// for more than 2 KiB.
	Declared string
	// Inbox takes what the client is to be told unasked, at a surface; nil where it
	// has no session.
	Inbox *Inbox
	// Asks is the client of the session, as servers may ask it for something; nil
	// where no session is remembered.
	Asks endpoint.Client
}

// Owner names who answers for the request: its credential, or else the address that
// it came from, or the conversation.
func (c *Caller) Owner() string { return cmp.Or(c.Identity.ID(), c.From, c.Session) }

// ToolHandler runs the gateway's tools. Its methods are called from many
// goroutines at once.
type ToolHandler interface {
	// Definitions returns the tool definitions to show, as raw JSON Tool objects
	// and in the order to show them. New calls it once.
	Definitions() []json.RawMessage

	// Introduce returns the instructions that initialize and server/discover
	// answer a caller with, for its model; "" is none.
	Introduce(c Caller) string

	// CallTool runs a gateway tool and appends the answer to dst: a whole
	// CallToolResult object as valid JSON, with all that the caller's revision
	// asks for; failures are results with isError. ok is false if the tool name
	// is unknown, which the client gets as JSON-RPC error -32602.
	//
	// ctx ends when the client cancels the call or disconnects, or when the
	// edge is closed; the handler must then return soon.
	CallTool(ctx context.Context, c Caller, t ToolCall, dst []byte) (out []byte, ok bool)
}

// ToolCall is one call of a gateway tool, as its client sent it. What it holds
// is valid JSON and belongs to the caller of CallTool: it must not be changed,
// nor kept after CallTool has returned.
type ToolCall struct {
	Name string
	// Args is params.arguments, nil if it was absent or null; it need not be
	// an object.
	Args json.RawMessage
	// Meta is params._meta, an object; nil if it was absent or something else.
	Meta json.RawMessage
	// Trace is what the HTTP headers of the request say of a trace; nil is nothing.
	Trace *tracecontext.Context
	// Progress is nil when the caller gave no progress token. Otherwise it
	// sends notifications/progress with these params, an object whose
	// progressToken is replaced by the caller's. It never blocks, keeps no
	// reference to its argument, and does nothing after CallTool has returned.
	Progress func(params json.RawMessage)
	// LogLevel is the level of log messages that the caller wants to hear of while the
	// request runs, of a surface; 0 is none. Notice sends them: it is as Progress, and
	// nil where there are none.
	LogLevel endpoint.Level
	Notice   func(method string, params json.RawMessage)
	// Lasts has the client know its stream while nothing is said on it, so that it can
	// take it up; nil where it cannot.
	Lasts func()
	// Asks has the client asked for something while the call runs, on the call's own
	// stream where there is one; nil where it cannot be asked.
	Asks endpoint.Asker
	// Weight takes the bytes of the answer, before they are there.
	Weight *weight.Share

	// The rest is of 2026-07-28 and nil before it: what the client can be
	// asked for, and the members with which it takes up a call again that
	// asked it for input.
	Capabilities   json.RawMessage
	InputResponses json.RawMessage
	RequestState   json.RawMessage

	// Task is params.task of 2025-11-25, an object: the client asks for a task in
	// place of a result. nil in other revisions.
	Task json.RawMessage
}

// callerHandler is a ToolHandler with other definitions for some callers. The names
// of the tools are the same.
type callerHandler interface {
	DefinitionsFor(c Caller) []json.RawMessage
}

// lists are lists whose changes clients are told of: see Surface.
type lists interface {
	Marks(c Caller) Marks
	Changed() <-chan struct{}
}

// listsOf are the lists that the client sees; nil if they never change. A
// ToolHandler may have such lists too.
func (e *Edge) listsOf(p *peer) lists {
	if p.surface != nil {
		return p.surface
	}
	own, _ := e.handler.(lists)
	return own
}

// speakerHandler is a ToolHandler that knows whose name an unpinned caller takes
// in a call: its share is counted by that too. Speaker returns "" for none, and
// the same for all names that it does not know.
type speakerHandler interface {
	Speaker(c Caller, t ToolCall) string
}

// Options are the settings of an Edge. The zero value of each field means its
// default.
type Options struct {
	Name    string // of the gateway, in serverInfo; default "gatehouse"
	Version string // of the gateway, in serverInfo; default "0"

	Log *slog.Logger // default: discard

	// AllowOrigins are the web origins beside loopback and same-origin ones
	// that may use the HTTP endpoint, such as "https://app.example.com". They
	// are compared whole, letter case aside; there is no wildcard.
	AllowOrigins []string

	// AllowHosts are the hosts, with their ports, under which the HTTP endpoint
	// may be reached beside loopback ones and addresses: those of a proxy.
	AllowHosts []string

	// AllowNames are the same without ports: any is allowed.
	AllowNames []string

	// Authorize returns who sent a request over HTTP, or answers it and returns
	// false. It is asked for every request that Host and Origin don't forbid,
	// preflights apart. Default: nobody is asked.
	Authorize func(http.ResponseWriter, *http.Request) (*identity.Caller, bool)

	// Accepted reports whether a caller that Authorize has let in would be let in
	// still. Default: all are.
	Accepted func(*identity.Caller) bool

	// Arrived, if set, hears whose a request is that has been let in: a credential,
	// or else an address. It reports whether there is room for its connection.
	Arrived func(r *http.Request, owner string) bool

	// OnClient, if set, hears the name of each client that initializes a
	// conversation: Caller.Client. It must not block.
	OnClient func(name string)

	// Budget is what large messages and answers take their bytes of, shared with
	// who reads what servers answer. Default: one of MaxBytes.
	Budget *weight.Budget

	// Fleet, if set, makes the edge one of several.
	Fleet *Fleet

	MaxMessageBytes int           // of one message or batch; default 16 MiB
	MaxBytes        int           // of large messages (beyond 32 KiB) at one time, where Budget is nil; default 256 MiB
	MaxInFlight     int           // calls at one time, those of batches too; default 2048
	PlaceWait       time.Duration // for a call to wait for those of others; default 30 s
	MaxStreams      int           // open GET streams at one time; default 1024
	DrainTimeout    time.Duration // for running and waiting calls after the end of stdin; default 1 s
	SessionIdleTTL  time.Duration // until an idle HTTP session is forgotten; default 1 h
	KeepAlive       time.Duration // between comments on a quiet stream; default 15 s
	BodyTimeout     time.Duration // for the body of a request, to within KeepAlive; default 60 s
	GoOnTime        time.Duration // for a call whose client can take up its stream; default 60 s
	WriteTimeout    time.Duration // for one write to a client, to within KeepAlive; default 30 s
}

func (o Options) withDefaults() Options {
	o.Name = cmp.Or(o.Name, "gatehouse")
	o.Version = cmp.Or(o.Version, "0")
	o.MaxMessageBytes = cmp.Or(o.MaxMessageBytes, 16<<20)
	if o.Budget == nil {
		o.Budget = weight.New(int64(cmp.Or(o.MaxBytes, 256<<20)), time.Now)
	}
	o.MaxInFlight = cmp.Or(o.MaxInFlight, 2048)
	o.PlaceWait = cmp.Or(o.PlaceWait, 30*time.Second)
	o.MaxStreams = cmp.Or(o.MaxStreams, 1024)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, time.Second)
	o.SessionIdleTTL = cmp.Or(o.SessionIdleTTL, time.Hour)
	o.KeepAlive = cmp.Or(o.KeepAlive, 15*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 60*time.Second)
	o.GoOnTime = cmp.Or(o.GoOnTime, 60*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	if o.Accepted == nil {
		o.Accepted = func(*identity.Caller) bool { return true }
	}
	if o.Arrived == nil {
		o.Arrived = func(*http.Request, string) bool { return true }
	}
	if o.OnClient == nil {
		o.OnClient = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Edge serves the gateway's tools to agents. Its methods are safe for
// concurrent use. It owns the goroutines of its stdio conversations and calls,
// and no listener.
type Edge struct {
	opts    Options
	log     *slog.Logger
	handler ToolHandler
	mcp     *server.MCPServer
	tools   toolSet
	speaker func(Caller, ToolCall) string
	// definitions are those to show to a caller; nil: all are shown the tools.
	definitions func(Caller) []json.RawMessage

	inFlight *inFlight
	sessions *sessions
	paces    paces
	origins  origins
	stdios   atomic.Int64
	lost     atomic.Uint64 // notifications that clients were too slow for
	strays   atomic.Uint64 // answers of clients that nobody waits for
}

// New makes an edge for handler. A definition that is not a Tool object is logged
// as an error and left out.
func New(handler ToolHandler, opts Options) *Edge {
	opts = opts.withDefaults()
	e := &Edge{
		opts:     opts,
		log:      opts.Log,
		handler:  handler,
		tools:    readTools(handler.Definitions(), opts.Log),
		inFlight: newInFlight(opts),
		sessions: newSessions(opts.SessionIdleTTL, newReplays(opts.GoOnTime)),
		origins:  newOrigins(opts),
	}
	e.mcp = server.NewMCPServer(opts.Name, opts.Version, server.WithToolCapabilities(false))
	e.tools.register(e.mcp)
	e.speaker = func(Caller, ToolCall) string { return "" }
	if h, ok := handler.(speakerHandler); ok {
		e.speaker = h.Speaker
	}
	if h, ok := handler.(callerHandler); ok {
		e.definitions = h.DefinitionsFor
	}
	return e
}

// Lost is how many notifications were dropped because clients read too slowly.
func (e *Edge) Lost() uint64 { return e.lost.Load() }

// Strays is how many answers of clients were dropped because nobody waits for them:
// they are late, forged or another session's.
func (e *Edge) Strays() uint64 { return e.strays.Load() }

// Shutdown refuses new calls from now on (HTTP 503; over stdio a result with
// isError), ends listening streams, and blocks until the running calls have
// been answered. If ctx ends first it cancels those that still run and returns
// an error that says how many they were, without waiting for them.
//
// The HTTP server's own Shutdown comes after it. Stdio conversations go on,
// refusing calls, until their input or context ends.
func (e *Edge) Shutdown(ctx context.Context) error {
	e.inFlight.close()
	e.sessions.replays.close()
	return e.inFlight.wait(ctx)
}

// Sessions is how many sessions over HTTP are open. It does not block.
func (e *Edge) Sessions() int { return e.sessions.size() }

// Recheck ends the sessions, calls and streams of callers who are not accepted any
// more: after other credentials came into force.
func (e *Edge) Recheck() {
	e.sessions.removeRevoked(e.opts.Accepted)
	e.inFlight.endRevoked(e.opts.Accepted)
}

// Close is Shutdown without patience: it cancels everything that runs and
// returns at once.
func (e *Edge) Close() {
	e.sessions.replays.close()
	e.inFlight.close()
	e.inFlight.cancelAll(errClosed)
}
