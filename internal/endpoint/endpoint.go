// Package endpoint holds the cell through which callers reach one server: an
// atomic status that its server actor and the supervisor publish, and a gate
// that counts the calls in flight and can be closed for good.
//
// A cell belongs to one entry of .mcp.json with one expanded spec. It lives
// as long as that spec stays unchanged, over any number of restarts; a
// changed entry gets a new cell. Readers never wait for an actor's mailbox.
package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/tracecontext"
	"gatehouse/internal/weight"
)

// Request is one request to a server. Params is any JSON and reaches the
// server unchanged, but for a progress token when Progress is set.
type Request struct {
	Method string
	Params json.RawMessage
	// Progress, if set, hears the params of each progress notification of
	// this request, in order, with the progressToken taken out. It is called
	// from the session's reader and must not block.
	Progress func(params json.RawMessage)
	// Notice, if set, hears the method and params of notifications that belong to this
	// request alone, as Progress does; it must not keep them.
	Notice func(method string, params json.RawMessage)
	// Lasts, if set, is called when the server shows that the answer will take a while:
	// it has ended the stream on which it was to come. It may block on a slow client.
	Lasts func()
	// LogLevel asks for log messages, of a server that is asked with each request; 0
	// asks for none.
	LogLevel Level
	// Asks takes questions of the server that belong to this request to the client of
	// the session; nil has none. It is used by sessions that are one client's.
	Asks Asker
	// Deadline is when the caller gives up, as if its context ended then, with
	// ErrDeadline; zero is never.
	Deadline time.Time
	// MaxBytes limits the message that the server is sent, all of it; 0 is no
	// limit.
	MaxBytes int64
	// MaxResultBytes limits the answer; 0 means the session's own limit.
	MaxResultBytes int64
	// Weight takes the bytes of the answer, before they are copied for the caller;
	// nil takes nothing.
	Weight *weight.Share
	// Capabilities are the caller's, a JSON object, where it speaks 2026-07-28;
	// a session of that revision forwards them, any other leaves them out. nil
	// is none.
	Capabilities json.RawMessage
	// Trace is what a url server gets of a trace as HTTP headers, beside what Params
	// have of it; nil is nothing.
	Trace *tracecontext.Context
	// Into is what a result is appended to, so that it need not be copied once
	// more; nobody else may use it until Call has returned. nil is allowed.
	Into []byte
	// Generation is that of the configuration that the request was decided by, for
	// sessions of another gateway's servers; 0 is none.
	Generation uint64
	// By says whose tool call this is; empty for requests of the gateway's own.
	By Call
}

// ErrDeadline is the cause of a call's end at its Request.Deadline.
var ErrDeadline = fmt.Errorf("the call's time is up: %w", context.DeadlineExceeded)

// Until returns a context that ends at the request's deadline too.
func (r Request) Until(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, r.Deadline, ErrDeadline)
}

// Response is a server's answer: exactly one of Result and Error is set, each
// the server's own JSON, unchanged.
type Response struct {
	Result json.RawMessage
	Error  json.RawMessage // the JSON-RPC error object
	// Into is Request.Into with the Result at its end, where the session has
	// put it there, and else nil.
	Into []byte
	// Outline is the Result's, if the session has made it on the way.
	Outline Outline
}

// ServerInfo is what a server said of itself when the session was opened.
type ServerInfo struct {
	ProtocolVersion string
	Name            string
	Title           string
	Version         string
	Description     string
	Instructions    string
	Tools           bool // the server declared the tools capability
	// About and Capabilities are the server's own serverInfo and capabilities,
	// JSON objects; "" if it has none, or larger ones than are kept.
	About, Capabilities string
}

// Session is one initialized MCP conversation with one run of a server. Its
// methods may be called from any goroutine.
type Session interface {
	// Call sends one request and waits for its answer, for the end of ctx, for
	// the request's deadline or for the end of the session. It never waits
	// longer, even if the server does not read. When ctx ends or the deadline
	// comes after the request was written, the server is sent
	// notifications/cancelled, or loses the request's connection where that
	// means the same.
	//
	// Errors: *NotWritten when no byte of the request reached the server (the
	// caller may try again elsewhere), or when the server refused it for a session
	// that it no longer knew (with ErrRenewed: again, and at once);
	// *RequestTooLarge, also without a byte of it; *TooLarge, *RefusedRequest,
	// *CutStream, *BadAnswer and ErrNoRoom, after which the session goes on;
	// ctx's cause; ErrDeadline; otherwise the session's own Err.
	Call(ctx context.Context, req Request) (Response, error)
	// Info is what the server said of itself.
	Info() ServerInfo
	// PID is the operating system's process id, 0 for a url server.
	PID() int
	// Received is a number that has grown whenever the server has sent
	// anything, even part of a message. Its size means nothing.
	Received() uint64
	// Unanswered are the tool calls, of those with Request.By, that had been
	// written and not been answered when the session ended; also calls that
	// had reached their deadline since the server was last heard of. There are
	// none before Done is closed.
	Unanswered() Calls
	// Done is closed when the session has ended and every call has its answer. Only
	// calls of a url server whose session has ended by itself may go on: each ends
	// with its own connection.
	Done() <-chan struct{}
	// Err says why the session ended; nil before Done is closed.
	Err() error
	// Close ends the session, and with it the server's process: every pending
	// call fails with cause. It does not wait; Done tells.
	Close(cause error)
}

// Elsewhere is implemented by sessions with servers that another gateway of a fleet runs.
type Elsewhere interface {
	// Owner names that gateway, and says under which epoch it owns the server.
	Owner() (node string, epoch int64)
}

// NotWritten means that no byte of a request reached the server.
type NotWritten struct{ Cause error }

func (e *NotWritten) Error() string { return "not sent: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *NotWritten) Unwrap() error { return e.Cause }

// TooLarge means that an answer was larger than the limit, or together with those
// of its batch, and was thrown away.
type TooLarge struct {
	Limit    int64
	Together bool
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("the result is larger than %d bytes", e.Limit)
}

// RequestTooLarge means that the message of a request is larger than its
// MaxBytes, and was not sent.
type RequestTooLarge struct{ Size, Limit int64 }

func (e *RequestTooLarge) Error() string {
	return fmt.Sprintf("the request has %d bytes, more than %d", e.Size, e.Limit)
}

// ErrNoRoom means that an answer was thrown away because there were too many
// large ones at the moment. The session goes on.
var ErrNoRoom = errors.New("there is no room for the result: the gateway holds too many large ones")

// ErrFull is the cause of a NotWritten whose request met as many calls as allowed in
// flight at the gateway that runs the server.
var ErrFull = errors.New("as many calls as allowed are in flight")

// ErrStale is the cause of a NotWritten whose request was decided by an older
// configuration than that of the gateway that runs the server. By now this gateway has
// a newer one too: the request can be decided anew.
var ErrStale = errors.New("the call was decided by an older configuration than that of the gateway that runs the server")

// ErrStopped is the cause with which the gateway itself ends a session: calls
// that still run at the end of a drain or of a shutdown get it.
var ErrStopped = errors.New("the gateway stopped this server: its entry was changed or removed, or the gateway is shutting down")

// Exit is why a run of a server ended by itself. It is an error value: calls in
// flight get it, and the server's actor panics with it.
type Exit struct {
	Server string
	Run    uint64
	Phase  Phase
	// Reason is one line without secrets: "exit status 3", "signal: killed",
	// "connection refused", "executable \"uvx\" not found in PATH". What the
	// server itself said of it follows after a colon.
	Reason string
	// Said is that last part, redacted; empty if it said nothing telling.
	Said string
	// Stderr holds the last lines of the server's stderr, redacted.
	Stderr []string
	At     time.Time
	// ReadyFor is how long the run had been ready; 0 if it never was.
	ReadyFor time.Duration
	// Scarce means that it could not be started for lack of descriptors, memory
	// or processes, which says nothing about the server.
	Scarce bool
	// Pause is how long the server has asked to be left alone.
	Pause time.Duration
	// Calls are the calls that it was running.
	Calls Calls
}

// Phase says how far a run had come when it ended.
type Phase string

// The phases of a run.
const (
	// CannotStart: the command does not exist or is not executable.
	CannotStart Phase = "cannot-start"
	// Handshake: it ended, or did not answer, before the session was open.
	Handshake Phase = "handshake"
	// Serving: it ended while it was ready.
	Serving Phase = "serving"
	// Unauthorized: a url server answered 401 or 403.
	Unauthorized Phase = "unauthorized"
)

func (e *Exit) Error() string { return e.Reason }
