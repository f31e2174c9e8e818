package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
)

// A server of 2026-07-28 asks its caller by an answer that says what it needs, and is
// called again with that. A client of an older revision is asked by requests in the
// middle of its own; the gateway stands between.
const (
	// maxRounds is how often one call may ask.
	maxRounds = 10
	// maxAsked is for how much it may ask at once.
	maxAsked = 32
)

// forward has the router run the operation, and again with what the client answered
// for as long as the server asks for something. Each round is decided anew.
func (c *Call) forward(ctx context.Context, router *front.Router, op front.Operation) error {
	for round := 0; ; round++ {
		c.asked = nil
		if err := router.Forward(ctx, &c.Call, op); err != nil || c.asked == nil {
			return err
		}
		if round == maxRounds {
			return &front.Failure{Code: front.CodeServerError, MayHaveRun: true, Message: fmt.Sprintf(
				"%q has asked for input %d times in this call, and asks again. Not finished. Tell the user.", c.Target.Server, maxRounds)}
		}
		if err := c.askClient(ctx); err != nil {
			return err
		}
	}
}

// canAnswer reports whether a client of an older revision can be asked for all that a
// server needs.
func (c *Call) canAnswer(requests json.RawMessage) bool {
	if c.Sent.Asks == nil || c.Caller.Asks == nil {
		return false
	}
	declared, n, able := c.Caller.Asks.Declared(), 0, true
	rawjson.Each(requests, func(_ []byte, start, end int) {
		n++
		capability, known := endpoint.AskedBy(rawjson.Text(rawjson.Get(requests[start:end], "method")))
		able = able && known && rawjson.First(rawjson.Get(declared, capability)) == '{'
	})
	return able && n <= maxAsked
}

// askClient asks the client for what the server needs, one after the other, and keeps
// the answers for the next round.
func (c *Call) askClient(ctx context.Context) error {
	timed, cancel := context.WithDeadlineCause(ctx, c.Deadline(), endpoint.ErrDeadline)
	defer cancel()
	requests, responses := rawjson.Get(c.asked, "inputRequests"), json.RawMessage("{}")
	var failure error
	rawjson.Each(requests, func(key []byte, start, end int) {
		if failure != nil {
			return
		}
		request := requests[start:end]
		method := rawjson.Text(rawjson.Get(request, "method"))
		answer, err := c.Sent.Asks.Ask(timed, method, rawjson.Get(request, "params"))
		if err != nil || answer.Error != nil {
			failure = c.unanswered(ctx, method, answer, err)
			return
		}
		responses = rawjson.Set(responses, string(key), answer.Result)
	})
	if failure != nil {
		return failure
	}
	if err := checkWeight("inputResponses", responses); err != nil {
		return err
	}
	c.Sent.InputResponses, c.Sent.RequestState = responses, rawjson.Get(c.asked, "requestState")
	return nil
}

// unanswered says why a call is not finished whose client did not answer.
func (c *Call) unanswered(ctx context.Context, method string, answer endpoint.Response, err error) error {
	fail := &front.Failure{Code: front.CodeServerError, MayHaveRun: true}
	why := "the client answered that it cannot"
	switch {
	case ctx.Err() != nil:
		fail.Code, why = front.CodeCancelled, "the call was cancelled"
	case errors.Is(err, endpoint.ErrDeadline):
		fail.Code, why = front.CodeTimeout, "there was no answer in time"
	case err != nil:
		why = err.Error()
	case answer.Error != nil:
		why = "the client answered with an error: " + front.Brief(endpoint.ErrorText(answer.Error))
	}
	fail.Message = fmt.Sprintf("%q asked for %s in the middle of this, and %s. Not finished. Tell the user.", c.Target.Server, method, why)
	return fail
}

// question keeps what a server asks for until the client has answered.
func (c *Call) question(answer Result) { c.asked = bytes.Clone(answer.Raw) }

// capabilities are those of the caller: what it says with its request, or what it
// declared when it opened its session, if it can be asked.
func (c *Call) capabilities() json.RawMessage {
	if c.Sent.Capabilities != nil || !beforeStateless(c.Caller.Protocol) || c.Sent.Asks == nil || c.Caller.Asks == nil {
		return c.Sent.Capabilities
	}
	return c.Caller.Asks.Declared()
}
