package servers

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// maxQuestions is how many requests of a server wait for the client at a time.
const maxQuestions = 32

// questions are the requests of a server that are its client's to answer, and what it
// tells that. The zero value has none; it belongs to one session.
type questions struct {
	mu      sync.Mutex
	telling int                                // notifications that wait for a way to the client
	waiting map[string]context.CancelCauseFunc // by the server's id
}

// errWithdrawn is the cause of a question's end that the server takes back.
var errWithdrawn = errors.New("the server no longer asks")

// forClient reports whether a request of a server is for its client to answer: only
// what that has declared is.
func forClient(client endpoint.Client, m jsonrpc.Message) bool {
	if client == nil {
		return false
	}
	capability, ok := endpoint.AskedBy(m.Name())
	return ok && rawjson.First(rawjson.Get(client.Declared(), capability)) == '{' && len(m.ID) <= jsonrpc.MaxIDBytes && jsonrpc.ValidID(m.ID)
}

// begin notes a question and returns what asks it, for at most limit, and returns the
// line to answer with; nil if the server has taken it back. ask is nil if there are
// too many, or one with that id.
func (q *questions) begin(ctx context.Context, m jsonrpc.Message, who endpoint.Asker, limit time.Duration) (ask func() []byte) {
	id, method, params := string(m.ID), m.Name(), endpoint.WithoutOwnMeta(append([]byte(nil), m.Params...))
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, twice := q.waiting[id]; twice || len(q.waiting) >= maxQuestions {
		return nil
	}
	if q.waiting == nil {
		q.waiting = map[string]context.CancelCauseFunc{}
	}
	ctx, withdraw := context.WithCancelCause(ctx)
	q.waiting[id] = withdraw
	return func() []byte {
		defer q.withdraw([]byte(id))
		timed, cancel := context.WithTimeoutCause(ctx, limit, endpoint.ErrDeadline)
		defer cancel()
		if len(params) == 0 {
			params = nil
		}
		answer, err := who.Ask(timed, method, params)
		switch {
		case errors.Is(err, errWithdrawn):
			return nil
		case err != nil:
			return append(jsonrpc.AppendError(nil, []byte(id), unanswerable(err)), '\n')
		case answer.Error != nil:
			return append(jsonrpc.AppendError(nil, []byte(id), answer.Error), '\n')
		}
		return append(jsonrpc.AppendResult(nil, []byte(id), answer.Result), '\n')
	}
}

// withdraw ends a question.
func (q *questions) withdraw(id []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if end := q.waiting[string(id)]; end != nil {
		delete(q.waiting, string(id))
		end(errWithdrawn)
	}
}

// unanswerable is the error that a server gets whose question had no answer.
func unanswerable(err error) []byte {
	return append(rawjson.AppendString([]byte(`{"code":-32603,"message":`), err.Error()), '}')
}

// crowdedOut answers a question that there is no room for.
func crowdedOut(m jsonrpc.Message) []byte {
	return append(jsonrpc.AppendError(nil, m.ID, unanswerable(endpoint.ErrTooManyQuestions)), '\n')
}

// withdrawnBy is the id of the question that a notification of a server takes back;
// nil if it is another one.
func withdrawnBy(m jsonrpc.Message) []byte {
	if m.Name() != methodCancelled {
		return nil
	}
	return rawjson.Get(m.Params, "requestId")
}

// passRoots has a server told of changes of its client's roots, if that has some,
// until ended is closed. tell must not block.
func passRoots(client endpoint.Client, ended <-chan struct{}, tell func()) {
	if client == nil || rawjson.First(rawjson.Get(client.Declared(), "roots")) != '{' {
		return
	}
	stop := client.Hear(func(method string) {
		if method == endpoint.NoticeRoots {
			tell()
		}
	})
	go func() { // Ends with the session.
		<-ended
		stop()
	}()
}

// tellRoots tells the server that the roots of its client have changed.
func (h *HTTP) tellRoots() {
	h.mu.Lock()
	c := h.current
	h.mu.Unlock()
	if c != nil && !c.stateless() {
		h.aside(func(ctx context.Context) { c.notify(ctx, nil, endpoint.NoticeRoots, nil) })
	}
}
