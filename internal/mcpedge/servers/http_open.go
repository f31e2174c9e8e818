package servers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
)

// OpenHTTP begins a session with a url server: it connects and goes through
// the handshake, which takes until the server has answered or ctx ends. On an
// error nothing is left behind once the connections have been closed.
func OpenHTTP(ctx context.Context, opts HTTPOptions) (*HTTP, error) {
	opts = opts.withDefaults()
	base, err := url.Parse(opts.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("cannot open the session: the url is not an http or https url") // The parser's error would show it.
	}
	if name, ok := badHeader(opts.Headers); ok {
		return nil, fmt.Errorf("cannot open the session: the header %q can't be sent: its name or value has a byte that is not allowed", name)
	}
	if opts.Shown == "" {
		opts.Shown = base.Scheme + "://" + base.Host
	}
	h := newHTTP(ctx, opts, base)
	c, err := h.converse(ctx, opts.Era)
	if err != nil {
		h.Close(err)
		return nil, fmt.Errorf("cannot open a session with %s: %w", opts.Shown, err)
	}
	h.mu.Lock()
	h.current = c
	h.mu.Unlock()
	passRoots(opts.Client, h.done, h.tellRoots)
	if c.ctx.Err() != nil { // Its stream has ended already.
		h.lost(context.Cause(c.ctx))
	}
	return h, nil
}

func newHTTP(ctx context.Context, opts HTTPOptions, base *url.URL) *HTTP {
	h := &HTTP{
		opts: opts, base: base, pool: newPool(),
		side: make(chan struct{}, maxSide), done: make(chan struct{}),
	}
	h.ctx, h.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	h.client = &http.Client{Transport: &tap{h}, CheckRedirect: h.redirect}
	return h
}

// converse opens a conversation of the era that the server speaks, and tells
// what was found out.
func (h *HTTP) converse(ctx context.Context, hint endpoint.Era) (*conversation, error) {
	if h.opts.Transport == SSE { // The transport of a revision of the older era.
		return h.openWith(ctx, overSSE, hint)
	}
	first, second := h.openStateless, h.openOlder
	if hint == endpoint.EraInitialize {
		first, second = second, first
	}
	c, err := first(ctx, hint)
	if other, ok := errors.AsType[*notUnderstood](err); ok {
		c, err = second(ctx, endpoint.EraInitialize)
		if err != nil {
			err = bothRefused(other, err)
		}
	}
	_, answered := errors.AsType[*notUnderstood](err)
	switch {
	case err != nil && (answered || ctx.Err() != nil):
		h.opts.OnEra(endpoint.EraUnknown)
	case err != nil: // It could not be reached; what is known of it may still be true.
	case c.stateless():
		h.opts.OnEra(endpoint.EraStateless)
	default:
		h.opts.OnEra(endpoint.EraInitialize)
	}
	return c, err
}

// bothRefused says what a server answered that could be spoken to in neither
// way. A server that merely lacks server/discover is not mentioned.
func bothRefused(first *notUnderstood, second error) error {
	_, answered := errors.AsType[*notUnderstood](second)
	wanted, wants := errors.AsType[*Unauthorized](first)
	_, older := errors.AsType[*olderTransport](second)
	switch {
	case wants && older:
		return wanted // It has a question for us, and does not know initialize.
	case wants:
		return second
	case errors.Is(first, errNotStateless) || !answered:
		return second
	case errors.Is(second, errNotStateless):
		return first
	default:
		return &notUnderstood{fmt.Errorf("%w; asked the other way: %w", first, second)}
	}
}

// notUnderstood means that a server is there, but has not answered what it was
// asked: it may speak another era.
type notUnderstood struct{ cause error }

func (e *notUnderstood) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *notUnderstood) Unwrap() error { return e.cause }

func (h *HTTP) openStateless(ctx context.Context, hint endpoint.Era) (*conversation, error) {
	return h.openWith(ctx, asStateless, hint)
}

// openOlder opens a conversation by initialize, over SSE where the server does
// not know the newer transport.
func (h *HTTP) openOlder(ctx context.Context, hint endpoint.Era) (*conversation, error) {
	c, err := h.openWith(ctx, overStreamable, hint)
	old, ok := errors.AsType[*olderTransport](err)
	if !ok || h.opts.Transport != Auto {
		return c, err
	}
	c, second := h.openWith(ctx, overSSE, hint)
	if second == nil {
		return c, nil
	}
	if _, refused := errors.AsType[*Unauthorized](second); refused {
		return nil, second
	}
	return nil, &notUnderstood{fmt.Errorf("%w; over SSE: %w", old, second)}
}

// openWith begins a conversation in one way. A refusal that could mean that the
// server knows only the older transport is *olderTransport.
func (h *HTTP) openWith(ctx context.Context, by way, hint endpoint.Era) (*conversation, error) {
	c := h.newConversation(by)
	var err error
	if c.stateless() {
		err = c.discover(ctx, hint)
	} else {
		err = c.initialize(ctx)
	}
	if err != nil {
		c.cancel(err)
		return nil, err
	}
	c.hear(ctx)
	return c, nil
}

// badHeader returns the name of the first header that net/http would refuse,
// in an error that would show its value.
func badHeader(headers map[string]string) (name string, found bool) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		badName := strings.ContainsFunc(name, func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
		})
		badValue := strings.ContainsFunc(headers[name], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		if name == "" || badName || badValue {
			return name, true
		}
	}
	return "", false
}

func newPool() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          maxConnections,
		MaxIdleConnsPerHost:   maxConnections,
		IdleConnTimeout:       idleConnection,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// discoverPatience is how long a url server of which nothing is known may leave
// server/discover unanswered before it is asked by initialize.
const discoverPatience = 5 * time.Second

// discover opens a conversation of 2026-07-28. A *notUnderstood means that the
// server has to be asked by initialize: whatever it does with a question that it
// does not know, refuse it as not allowed or close the connection, proves
// nothing.
func (c *conversation) discover(ctx context.Context, hint endpoint.Era) error {
	inTime := ctx
	if hint == endpoint.EraUnknown {
		var cancel context.CancelFunc
		inTime, cancel = context.WithTimeout(ctx, discoverPatience)
		defer cancel()
	}
	f := c.ask(inTime, endpoint.Request{Method: methodDiscover, MaxResultBytes: maxHandshake})
	switch {
	case f.answered && f.failure == nil && !f.unauthorized():
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case f.unreached() && inTime.Err() == nil:
		return plain(f.err)
	case f.status == http.StatusUnauthorized:
		return &notUnderstood{c.handshakeError(ctx, f)}
	default:
		return &notUnderstood{errNotStateless}
	}
	var err error
	if c.info, c.announces, err = discovered(f.response); err != nil {
		return &notUnderstood{err}
	}
	return nil
}

// initialize opens a conversation of the older era.
func (c *conversation) initialize(ctx context.Context) error {
	if c.way == overSSE {
		if err := c.handshakeError(ctx, c.openStream(ctx)); err != nil {
			return err
		}
	}
	f := c.askInitialize(ctx, "")
	if wanted := wantedRevision(f.response.Error); wanted != "" {
		f = c.askInitialize(ctx, wanted)
	}
	if !f.answered || f.status/100 != 2 && f.status != 0 {
		return c.handshakeError(ctx, f)
	}
	if f.failure != nil {
		return f.failure
	}
	var err error
	if c.info, err = serverInfo(f.response); err != nil {
		return &notUnderstood{err}
	}
	c.id, c.announces = f.head.session, announcesAny(c.info) || speaksUnasked(c.info)
	return c.sayInitialized(ctx)
}

func (c *conversation) askInitialize(ctx context.Context, revision string) facts {
	params := initializeParams(c.h.opts.Version, c.h.opts.Client, revision)
	return c.ask(ctx, endpoint.Request{Method: methodInitialize, Params: params, MaxResultBytes: maxHandshake})
}

// noticePatience is how long a server may take to answer a notification, to which
// there is nothing to say, until the handshake goes on without that. What it takes to
// reach the server is not part of that.
const noticePatience = 2 * time.Second

// sayInitialized ends the handshake. Some servers answer no notification, close the
// connection on it, or refuse it; whether they are of use shows with the first
// request. Only one that wants other credentials will want them then, too.
func (c *conversation) sayInitialized(ctx context.Context) error {
	inTime, cancel := context.WithCancel(ctx)
	defer cancel()
	connected := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { time.AfterFunc(noticePatience, cancel) }}
	f := c.notify(httptrace.WithClientTrace(inTime, connected), &exchange{}, methodInitialized, nil)
	if f.unreached() && inTime.Err() == nil || f.unauthorized() || ctx.Err() != nil || c.ctx.Err() != nil {
		return c.handshakeError(ctx, f)
	}
	return nil
}

// handshakeError says why a step of the handshake was of no use; nil if an SSE
// server's stream is open.
func (c *conversation) handshakeError(ctx context.Context, f facts) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case f.unauthorized():
		return &Unauthorized{Status: f.status, Scope: f.head.scope, Login: f.head.login, said: c.h.reason(f)}
	case c.way == overStreamable && isOlder(f.status):
		return &notUnderstood{&olderTransport{c.h.reason(f)}}
	case f.busy() && f.head.retryAfter > 0:
		return &notUnderstood{&Paused{For: f.head.retryAfter, said: c.h.reason(f)}}
	case f.err != nil:
		return plain(f.err)
	case c.way == overSSE && f.status/100 == 2 && f.head.media == "text/event-stream":
		return nil
	default:
		return &notUnderstood{c.h.reason(f)}
	}
}
