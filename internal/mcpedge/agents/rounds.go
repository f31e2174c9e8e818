package agents

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// A server of before 2026-07-28 asks its client by requests in the middle of a call. A
// client of 2026-07-28 is asked by the answer to its call, and calls again with what it
// has to say. Between them the first call goes on: each question answers the request
// that the client made last, and the one that it makes then stands in its place. So it
// is over stdio, where a client without a handshake has a session all the same.

const (
	// roundPrefix begins the requestState of a call that goes on here.
	roundPrefix = "gatehouse-round-"
	// roundKey names the one question of a round.
	roundKey = "question"
	// roundWait is how long the answer to a call waits for a client that has been asked
	// something and has not come back.
	roundWait = 60 * time.Second
)

// inRounds is a call whose client is asked by answers. It implements endpoint.Asker.
type inRounds call

// rounds are how a call goes on that has asked its client. They are made for the first
// question.
type rounds struct {
	name string        // of the tool
	turn chan struct{} // holds one while a question is asked

	mu      sync.Mutex
	id      json.RawMessage // of the request to answer next; nil while the client has been asked
	back    chan struct{}   // closed when it comes back; nil unless it has been asked
	state   string          // by which it does so
	answers chan json.RawMessage
}

// Ask implements endpoint.Asker.
func (c *inRounds) Ask(ctx context.Context, method string, params json.RawMessage) (endpoint.Response, error) {
	capability, _ := endpoint.AskedBy(method)
	r := c.begun()
	switch {
	case r == nil:
		return endpoint.Response{}, endpoint.ErrNoCall
	case rawjson.First(rawjson.Get(c.said, capability)) != '{':
		return endpoint.Response{}, endpoint.ErrUndeclared
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return endpoint.Response{}, context.Cause(ctx)
	}
	if err := r.await(ctx, c.asks.ended); err != nil {
		return endpoint.Response{}, err
	}
	answers, err := c.question(r, method, params)
	if err != nil {
		return endpoint.Response{}, err
	}
	select {
	case answer := <-answers:
		return answerOf(jsonrpc.Message{Result: answer}), nil
	case <-c.asks.ended:
		return endpoint.Response{}, endpoint.ErrClientGone
	case <-ctx.Done():
		return endpoint.Response{}, context.Cause(ctx)
	}
}

// Tell implements endpoint.Asker: 2026-07-28 has no such notifications.
func (c *inRounds) Tell(string, json.RawMessage) (send func(ctx context.Context)) { return nil }

// begun are the rounds of the call; nil if it is over.
func (c *inRounds) begun() *rounds {
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.rounds == nil && !c.over && c.notify != nil {
		c.rounds = &rounds{name: c.name, turn: make(chan struct{}, 1), id: json.RawMessage(c.key.id)}
	}
	if c.over {
		return nil
	}
	return c.rounds
}

// await blocks until there is a request to answer.
func (r *rounds) await(ctx context.Context, ended <-chan struct{}) error {
	r.mu.Lock()
	back := r.back
	r.mu.Unlock()
	if back == nil {
		return nil
	}
	select {
	case <-back:
		return nil
	case <-ended:
		return endpoint.ErrClientGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// question answers the client's request with a question, whose answer comes on the
// channel.
func (c *inRounds) question(r *rounds, method string, params json.RawMessage) (<-chan json.RawMessage, error) {
	r.mu.Lock()
	id := r.id
	if r.back != nil || id == nil {
		r.mu.Unlock()
		return nil, endpoint.ErrNoStream
	}
	r.id, r.back = nil, make(chan struct{})
	r.state, r.answers = roundPrefix+rand.Text(), make(chan json.RawMessage, 1)
	state, answers := r.state, r.answers
	r.mu.Unlock()
	if err := c.asks.park(state, (*call)(c)); err != nil {
		r.resume(id, nil)
		return nil, err
	}
	c.progress.mute()
	request := rawjson.Set([]byte("{}"), "method", rawjson.AppendString(nil, method))
	if params != nil {
		request = rawjson.Set(request, "params", params)
	}
	result := rawjson.Set([]byte(`{"resultType":"input_required"}`), "inputRequests", rawjson.Set([]byte("{}"), roundKey, request))
	result = rawjson.Set(result, "requestState", rawjson.AppendString(nil, state))
	if !(*call)(c).tell(jsonrpc.AppendResult(nil, id, result)) {
		c.asks.unpark(state)
		r.resume(id, nil)
		return nil, endpoint.ErrNoStream
	}
	return answers, nil
}

// resume takes the request with which the client has come back, and its answer.
func (r *rounds) resume(id, answer json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.id = bytes.Clone(id)
	if r.back != nil {
		close(r.back)
		r.back = nil
	}
	if answer != nil {
		r.answers <- bytes.Clone(answer) // It holds one, and a state is used once.
	}
}

// last is the id of the request that the call's answer is for: that of the call itself,
// or of the last round. ok is false if the client does not come back for it.
func (c *call) last(ctx context.Context, id json.RawMessage) (last json.RawMessage, ok bool) {
	c.asking.Lock()
	c.over = true // Nothing more is asked.
	r := c.rounds
	c.asking.Unlock()
	if r == nil {
		return id, true
	}
	timed, cancel := context.WithTimeout(ctx, roundWait)
	defer cancel()
	_ = r.await(timed, c.asks.ended)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.id == nil {
		c.asks.unpark(r.state)
	}
	return r.id, r.id != nil
}

// answering makes an answer to one request that to another.
func (a *answer) answering(from, to json.RawMessage) {
	head := append([]byte(`{"jsonrpc":"2.0","id":`), from...)
	if rest, ok := bytes.CutPrefix(a.body, head); ok && !bytes.Equal(from, to) {
		body := append(make([]byte, 0, len(a.body)+len(to)), head[:len(head)-len(from)]...)
		body = append(append(body, to...), rest...)
		a.buffer.free(a.body)
		a.body, a.buffer = body, nil
	}
}

// comesBack has a request stand in the place of an earlier one of its call, which goes
// on, and reports whether it is such a request. failure is what is wrong with it.
func (e *Edge) comesBack(p *peer, r toolRequest) (failure *rpcFailure, ok bool) {
	state := rawjson.Text(r.requestState)
	if !r.stateless || p.asks == nil || !strings.HasPrefix(state, roundPrefix) {
		return nil, false
	}
	answer := rawjson.Get(r.inputResponses, roundKey)
	c := p.asks.parkedAs(state)
	switch {
	case c == nil:
		return invalidParams("params.requestState is of a call that is over; it may have taken effect"), true
	case c.name != r.name:
		return invalidParams("params.requestState is of a call of another tool"), true
	case rawjson.First(answer) != '{':
		return invalidParams("params.inputResponses must have the answer to " + roundKey), true
	case !p.asks.unpark(state):
		return invalidParams("params.requestState was used already"), true
	}
	e.inFlight.rename(c, callKey{p.session, string(r.id)})
	c.progress.goOn(r.meta.token)
	c.rounds.resume(r.id, answer)
	return nil, true
}
