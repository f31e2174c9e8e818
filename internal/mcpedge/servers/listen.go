package servers

import (
	"context"
	"net/http"
	"time"

	"gatehouse/internal/endpoint"
)

// maxListenGap is the longest wait between attempts to listen.
const maxListenGap = time.Minute

// hear begins to hear of changes of the tools, where the server announces them.
func (c *conversation) hear(ctx context.Context) {
	if !c.announces || c.way == overSSE || !c.h.enter() {
		return
	}
	go func() { // Ends with the conversation, or when the server offers no such thing.
		defer c.h.work.Done()
		if c.stateless() {
			c.tools.run(c.listening.Done(), c.subscribe)
		} else {
			c.listen()
		}
	}()
	if c.stateless() {
		c.tools.await(ctx)
	}
}

// subscribe makes one subscription and stays until it ends. What the server
// announces meanwhile is acted on where it comes.
func (c *conversation) subscribe() (useful bool) {
	f := c.ask(c.listening, endpoint.Request{Method: methodListen, Params: listenParams(c.info), MaxResultBytes: maxAnswerToListen})
	switch {
	case f.unreached() && isRefused(f.err):
		c.h.lost(c.h.lostBy(plain(f.err)))
		return false
	case f.unauthorized():
		c.h.doubtAside(c, f)
		return false
	}
	return !unknownMethod(f.response)
}

// listen keeps the stream open on which a server of the older era announces
// changes. A server that refuses it does not offer it, whatever status it says
// so with; but where it has worked before the session may be forgotten.
func (c *conversation) listen() {
	var attempts pauses
	worked, lastID := false, ""
	for attempts.next(c.listening.Done()) {
		x := &exchange{}
		resp, err := c.get(context.WithValue(c.listening, exchangeKey{}, x), lastID)
		switch f := x.state(); {
		case err != nil && isRefused(err):
			c.h.lost(c.h.lostBy(plain(err)))
			return
		case err != nil:
		case resp.StatusCode == http.StatusOK && f.head.media == "text/event-stream":
			worked = true
			e := c.newEventStream(c.listening, resp.Body, nil)
			e.id = lastID
			_ = e.read() // However it ends, it is opened again.
			lastID = e.id
			_ = resp.Body.Close()
		default:
			_ = resp.Body.Close()
			if worked {
				c.h.doubtAside(c, f)
			}
			if resp.StatusCode < http.StatusInternalServerError {
				return
			}
		}
	}
}

// openStream opens the stream of an SSE server, on which all its answers come,
// and waits until it has said where it wants to be sent messages. The stream
// lives as long as the conversation.
func (c *conversation) openStream(ctx context.Context) facts {
	x := &exchange{settled: make(chan struct{})}
	own, cancel := context.WithCancelCause(context.WithValue(c.ctx, exchangeKey{}, x))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	resp, err := c.get(own, "") //nolint:bodyclose // Its reader closes it.
	if err != nil {
		stop()
		cancel(nil)
		return x.state()
	}
	if resp.StatusCode != http.StatusOK || mediaType(resp) != "text/event-stream" {
		c.receive(own, resp, x)
		stop()
		cancel(nil)
		_ = resp.Body.Close()
		x.note(func(f *facts) { f.answered = false })
		return x.state()
	}
	located := make(chan error, 1)
	if !c.h.enter() {
		stop()
		cancel(nil)
		_ = resp.Body.Close()
		return x.state()
	}
	go func() { // Ends with the stream.
		defer c.h.work.Done()
		defer cancel(nil)
		c.readSSE(resp, located)
	}()
	select {
	case err = <-located:
	case <-own.Done():
		err = context.Cause(own)
	}
	if err == nil && !stop() {
		err = context.Cause(ctx)
	}
	x.note(func(f *facts) { f.err = err })
	return x.state()
}

// readSSE reads the stream of an SSE server to its end, which ends the session.
func (c *conversation) readSSE(resp *http.Response, located chan<- error) {
	e, first := c.newEventStream(c.ctx, resp.Body, nil), true
	e.endpoint = func(target string) {
		if first {
			first = false
			located <- c.locate(target)
		}
	}
	_ = e.read()
	_ = resp.Body.Close()
	if first {
		located <- ErrStreamEnded
	}
	c.h.streamEnded(c)
}
