package servers

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// exchange is one request to a url server, from the moment it is made until its
// caller has gone.
type exchange struct {
	id       string // as the server gets it, a JSON string; empty where no answer is expected
	number   uint64 // of the requests of its conversation
	limit    int64
	progress func(json.RawMessage)
	notice   func(string, json.RawMessage)
	lasts    func() // nil, or hears that the answer takes a while
	asks     endpoint.Asker
	by       endpoint.Call
	weight   *weight.Share // of who waits
	// settled is closed when the answer is there.
	settled chan struct{}

	mu    sync.Mutex
	facts facts
	left  bool // nobody waits any more
	// elsewhere, if set, is called when the answer has come on another stream
	// than that of the request.
	elsewhere func()
}

// facts are what is known of an exchange.
type facts struct {
	id     string // of the request
	sent   bool   // a connection was there: bytes may have been written
	status int    // of the latest HTTP response; 0 before
	head   responseHead
	text   string // the beginning of a body that is not an answer
	err    error  // why there is no response, or not all of it
	excess error  // *endpoint.RequestTooLarge: nothing was sent

	answered bool
	named    bool // the answer bears the request's id
	response endpoint.Response
	failure  error // *endpoint.TooLarge, *endpoint.BadAnswer or endpoint.ErrNoRoom
}

// responseHead is what the headers of a response say.
type responseHead struct {
	media      string // the content type without its parameters
	session    string
	redirect   string // where it points to, without query
	retryAfter time.Duration
	scope      string // that a challenge asks for
	login      bool   // a challenge asks for what a login brings
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// leave is for the end of the wait: nothing is taken of the budget after it.
func (x *exchange) leave() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.left = true
}

// responseTo makes the response of the one message of a body.
func (x *exchange) responseTo(m jsonrpc.Message) (endpoint.Response, error, bool) { //nolint:revive // They are settle's arguments.
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.left || x.facts.answered {
		return endpoint.Response{}, nil, false // Nobody will see it.
	}
	r, failure := response(m, nil, x.limit, x.weight)
	return r, failure, rawjson.Text(m.ID) == x.id
}

func (x *exchange) state() facts {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.facts
}

// note changes the facts; a nil exchange forgets them.
func (x *exchange) note(change func(*facts)) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	change(&x.facts)
}

// settle keeps the first answer. named reports whether it bears the request's
// id.
func (x *exchange) settle(response endpoint.Response, failure error, named bool) {
	x.note(func(f *facts) {
		if f.answered {
			return
		}
		f.answered, f.response, f.failure, f.named = true, response, failure, named
		close(x.settled)
	})
}

// comeElsewhere ends the reading of a response that the answer is not part of.
func (x *exchange) comeElsewhere() {
	x.mu.Lock()
	stop := x.elsewhere
	x.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (f facts) unauthorized() bool {
	return f.status == http.StatusUnauthorized || f.status == http.StatusForbidden
}

// unreached reports whether no connection to the server could be made.
func (f facts) unreached() bool { return f.status == 0 && f.err != nil && !f.sent }

// cut reports whether the connection broke before the answer was there.
func (f facts) cut() bool { return !f.answered && f.err != nil && f.sent }

// fine reports whether the server answered this request, with a result or an
// error of its own. All else that it may send is a refusal.
func (f facts) fine() bool {
	return f.answered && f.status/100 == 2 && (f.named || f.response.Error == nil) && !f.missesSession()
}

// busy reports whether the server refused because it has too much to do, which
// says nothing of the session.
func (f facts) busy() bool {
	return f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable && f.head.retryAfter > 0
}

// unsent marks a cause as that of a request of which no byte was written, if
// that is so.
func (f facts) unsent(cause error) error {
	if f.sent {
		return cause
	}
	return &endpoint.NotWritten{Cause: cause}
}
