package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gatehouse/internal/rawjson"
)

// Asker takes requests of a server to a client.
type Asker interface {
	// Ask sends the client a request and waits for its answer, for the end of ctx, or
	// of the client's session. It never waits longer. The response is the client's own.
	//
	// Errors: ErrNoStream if there was no way to the client for a while, ErrClientGone,
	// ErrTooManyQuestions, or the cause of ctx, after which the client is told that
	// nobody waits for its answer any more.
	Ask(ctx context.Context, method string, params json.RawMessage) (Response, error)
	// Tell has the client told something, which it copies: during a call before the
	// call's answer, where that has a stream. It does not block. Where there is no such
	// stream it returns what sends it, which blocks as Ask does until there is a way.
	Tell(method string, params json.RawMessage) (send func(ctx context.Context))
}

// Client is the MCP client of a session that has instances of servers. Its methods
// may be called from any goroutine; only Ask blocks.
type Client interface {
	Asker
	// Revision is that of its session; "" if it has none.
	Revision() string
	// Declared are the capabilities that it declared, a JSON object; nil is none.
	Declared() json.RawMessage
	// Alive is when there was a sign of life of its session: now while a stream of it
	// is open.
	Alive() time.Time
	// Ended is closed once its session has ended.
	Ended() <-chan struct{}
	// Hear has a function called with each notification of the client that concerns
	// servers, until stop is called.
	Hear(notified func(method string)) (stop func())
}

// The reasons for which a client was not asked.
var (
	ErrNoCall           = errors.New("this client can be asked only in a call of a tool, while the server runs no other")
	ErrUndeclared       = errors.New("the client has not declared with its call that it can be asked for this")
	ErrNoStream         = errors.New("the client has no stream open to be asked on")
	ErrClientGone       = errors.New("the client's session has ended")
	ErrTooManyQuestions = errors.New("the client is asked too much at once")
)

// NoticeRoots is how a client says that its roots have changed.
const NoticeRoots = "notifications/roots/list_changed"

// NoticeElicited is how a server says that something is done which it has asked the
// user to do at an address.
const NoticeElicited = "notifications/elicitation/complete"

// asked are the requests that servers may make of clients, and by which capability.
var asked = map[string]string{"sampling/createMessage": "sampling", "elicitation/create": "elicitation", "roots/list": "roots"}

// AskedBy returns the capability that a client declares which may be asked so.
func AskedBy(method string) (capability string, ok bool) {
	capability, ok = asked[method]
	return capability, ok
}

// ToldBy returns the capability that a client declares which is told so.
func ToldBy(method string) (capability string, ok bool) {
	return "elicitation", method == NoticeElicited
}

// AskedOf are those of a client's capabilities by which servers ask it for something,
// value for value; an object.
func AskedOf(declared json.RawMessage) json.RawMessage {
	out := []byte{'{'}
	for _, name := range []string{"elicitation", "roots", "sampling"} {
		value := rawjson.Get(declared, name)
		if rawjson.First(value) != '{' {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(rawjson.AppendString(out, name), ':'), value...)
	}
	return append(out, '}')
}
