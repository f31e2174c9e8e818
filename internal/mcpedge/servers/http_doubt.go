package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

const (
	// probePatience is how long a server may take to answer whether it still
	// knows a session. Silence proves nothing.
	probePatience = 10 * time.Second
	// renewPatience is how long a new session may take to be opened.
	renewPatience = 30 * time.Second
	// renewGap is how soon after one renewal a refusal is not doubted again, if
	// nothing has been answered in between: the server then refuses requests,
	// and not sessions.
	renewGap = time.Second
)

// verdict is what a doubt came to.
type verdict int

// The verdicts.
const (
	// stands: the session is as good as before, the refusal was meant for the
	// request.
	stands verdict = iota
	// renewed: another conversation has taken the place of the doubted one.
	renewed
	// over: the session has ended.
	over
)

// doubt is one question whether a server still knows a conversation. All who
// doubt at the same time wait for the same answer.
type doubt struct {
	done    chan struct{}
	verdict verdict // before done is closed
}

// refused concludes on a call that the server has refused, or met with something
// that is not an answer. If the session turns out to be forgotten the call has not run.
func (h *HTTP) refused(ctx context.Context, c *conversation, f facts) (endpoint.Response, error) {
	v := stands
	if !f.busy() && (!c.stateless() || !f.answered || !f.named) {
		v = h.doubt(ctx, c)
	}
	if v == stands || !h.hasNotRun(c, f) {
		return h.refusal(f)
	}
	cause := error(endpoint.ErrRenewed)
	if v == over {
		cause = h.why()
	}
	return endpoint.Response{}, &endpoint.NotWritten{Cause: cause}
}

// hasNotRun reports whether a server that refused a request and then the probe
// has refused the request for its session alone. If it failed in another way,
// or something between it and us did, the request may have been run.
func (h *HTTP) hasNotRun(c *conversation, f facts) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !mayHaveRun(f) || f.status == c.refused && !behindGateway(f.status)
}

// doubt asks the server in the conversation for a sign of life, and renews the
// session if it refuses that too. It blocks until that is decided or ctx ends.
func (h *HTTP) doubt(ctx context.Context, c *conversation) verdict {
	d, v := h.question(c)
	if d == nil {
		return v
	}
	select {
	case <-d.done:
		return d.verdict
	case <-ctx.Done():
		return stands
	}
}

// doubtAside is doubt for those who do not wait.
func (h *HTTP) doubtAside(c *conversation, f facts) {
	if !f.busy() {
		h.question(c)
	}
}

// question begins to ask, or joins those who do. If there is nothing to ask any
// more it returns the verdict.
func (h *HTTP) question(c *conversation) (*doubt, verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.cause != nil:
		return nil, over
	case h.current == nil: // It is just being opened.
		return nil, stands
	case h.current != c:
		return nil, renewed
	case h.doubts != nil:
		return h.doubts, stands
	case !c.proven && time.Since(h.renewed) < renewGap:
		return nil, stands
	}
	d := &doubt{done: make(chan struct{})}
	h.doubts = d
	h.work.Go(func() {
		d.verdict = h.settle(c)
		h.mu.Lock()
		h.doubts = nil
		h.mu.Unlock()
		close(d.done)
	})
	return d, stands
}

// settle finds out whether the server still knows the conversation, and acts on
// that.
func (h *HTTP) settle(c *conversation) verdict {
	ctx, cancel := context.WithTimeout(c.ctx, probePatience)
	defer cancel()
	f := c.ask(ctx, endpoint.Request{Method: c.probe()})
	switch {
	case c.knows(f), f.busy():
		return stands
	case !f.answered && ctx.Err() != nil: // Silence, or the end.
		return stands
	case f.err != nil && !f.answered:
		h.lost(h.lostBy(plain(f.err)))
		return over
	}
	h.mu.Lock()
	c.refused = f.status
	h.mu.Unlock()
	return h.renew(c, h.reason(f))
}

// probe is the request that costs nothing and that every server knows.
func (c *conversation) probe() string {
	if c.stateless() {
		return methodDiscover
	}
	return methodPing
}

// knows reports whether an answer to the probe is one.
func (c *conversation) knows(f facts) bool {
	if !c.stateless() {
		return f.fine()
	}
	_, _, err := discovered(f.response)
	return f.answered && !f.unauthorized() && err == nil
}

// renew puts a new conversation in the place of one that the server no longer
// knows.
func (h *HTTP) renew(c *conversation, why error) verdict {
	ctx, cancel := context.WithTimeoutCause(h.ctx, renewPatience, errNoRenewal)
	defer cancel()
	hint := endpoint.EraInitialize
	if c.stateless() {
		hint = endpoint.EraUnknown
	}
	next, err := h.converse(ctx, hint)
	if err != nil {
		h.lost(fmt.Errorf("lost the session with %s: %w; no new one could be opened: %w", h.opts.Shown, why, err))
		return over
	}
	h.mu.Lock()
	if h.cause != nil {
		h.mu.Unlock()
		next.cancel(errClosed)
		return over
	}
	h.current, h.renewed = next, time.Now()
	h.retired = append(slices.DeleteFunc(h.retired, func(c *conversation) bool { return c.ctx.Err() != nil }), c)
	h.work.Add(1)
	h.mu.Unlock()
	go func() {
		defer h.work.Done()
		c.retire()
	}()
	h.opts.OnRenewed(why.Error())
	anyChanged(h.opts.OnToolsChanged, h.opts.OnListChanged)
	return renewed
}

var errNoRenewal = errors.New("the server did not open a new session in time")

// missesSession reports whether an answer is an error that speaks of a session
// that the server does not know. Tools may speak of sessions of their own, so it
// is a reason to ask and proves nothing.
func (f facts) missesSession() bool {
	if f.response.Error == nil {
		return false
	}
	if string(rawjson.Get(f.response.Error, "code")) == "-32001" {
		return true
	}
	words := strings.ToLower(endpoint.ErrorWords(f.response.Error))
	return strings.Contains(words, "session") && slices.ContainsFunc(
		[]string{"not found", "no valid", "invalid", "expired", "unknown", "terminated", "missing", "not exist", "closed", "no such"},
		func(word string) bool { return strings.Contains(words, word) })
}

// refusal is what a caller gets whose request was refused for its own sake.
func (h *HTTP) refusal(f facts) (endpoint.Response, error) {
	object := f.answered && rawjson.First(f.response.Error) == '{'
	said := f.answered && (f.status/100 == 2 || f.response.Error == nil || f.failure != nil)
	if said || object && f.head.retryAfter == 0 && !f.unauthorized() {
		return f.response, f.failure
	}
	e := &endpoint.RefusedRequest{
		Reason: h.reason(f).Error(), Status: f.status, RetryAfter: f.head.retryAfter, Scope: f.head.scope, MayHaveRun: mayHaveRun(f),
	}
	if object {
		e.RPC = json.RawMessage(f.response.Error)
	}
	return endpoint.Response{}, e
}

// mayHaveRun reports whether a server that refuses a request with that status
// may have run it all the same.
func mayHaveRun(f facts) bool {
	switch {
	case f.busy():
		return false
	case f.status == 408 || behindGateway(f.status):
		return true
	default:
		return f.status < 300 || f.status >= 500
	}
}

// behindGateway reports whether a status is that of something between the server
// and us, which lost the server or its patience.
func behindGateway(status int) bool { return status == 502 || status == 504 }
