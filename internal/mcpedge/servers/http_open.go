package servers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/client/transport"

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
	h, err := openEither(ctx, opts, base)
	if err != nil {
		return nil, fmt.Errorf("cannot open a session with %s: %w", opts.Shown, err)
	}
	return h, nil
}

// openEither opens a session of the era that the server speaks, and tells what
// was found out.
func openEither(ctx context.Context, opts HTTPOptions, base *url.URL) (*HTTP, error) {
	if opts.Transport == SSE { // The transport of a revision of the older era.
		return openWith(ctx, opts, base, overSSE)
	}
	first, second := openStateless, openOlder
	if opts.Era == endpoint.EraInitialize {
		first, second = second, first
	}
	h, err := first(ctx, opts, base)
	if refused, ok := errors.AsType[*notUnderstood](err); ok {
		var other error
		if h, other = second(ctx, opts, base); other != nil {
			err = bothRefused(refused, other)
		} else {
			err = nil
		}
	}
	_, answered := errors.AsType[*notUnderstood](err)
	switch {
	case err != nil && (answered || ctx.Err() != nil):
		opts.OnEra(endpoint.EraUnknown)
		return nil, err
	case err != nil: // It could not be reached; what is known of it may still be true.
		return nil, err
	case h.stateless:
		opts.OnEra(endpoint.EraStateless)
	default:
		opts.OnEra(endpoint.EraInitialize)
	}
	return h, nil
}

// bothRefused says what a server answered that could be spoken to in neither
// way. Not to know server/discover is worth no word.
func bothRefused(first *notUnderstood, second error) error {
	_, answered := errors.AsType[*notUnderstood](second)
	switch {
	case errors.Is(first, errNotStateless) || !answered:
		return second
	case errors.Is(second, errNotStateless):
		return first
	default:
		return &notUnderstood{fmt.Errorf("%w; asked the other way: %w", first, second)}
	}
}

// notUnderstood means that a server is there and has answered, but not to what it
// was asked: it may speak another era.
type notUnderstood struct{ cause error }

func (e *notUnderstood) Error() string { return e.cause.Error() }

// Unwrap gives the cause.
func (e *notUnderstood) Unwrap() error { return e.cause }

// A way is how a session with a url server is begun.
type way int

// The ways.
const (
	asStateless way = iota
	overStreamable
	overSSE
)

func openStateless(ctx context.Context, opts HTTPOptions, base *url.URL) (*HTTP, error) {
	return openWith(ctx, opts, base, asStateless)
}

// openOlder opens a session by initialize, over SSE where the server does not
// know the newer transport.
func openOlder(ctx context.Context, opts HTTPOptions, base *url.URL) (*HTTP, error) {
	h, err := openWith(ctx, opts, base, overStreamable)
	old, ok := errors.AsType[*olderTransport](err)
	if !ok || opts.Transport != Auto {
		return h, err
	}
	h, second := openWith(ctx, opts, base, overSSE)
	if second == nil {
		return h, nil
	}
	if _, refused := errors.AsType[*Unauthorized](second); refused {
		return nil, second
	}
	return nil, &notUnderstood{fmt.Errorf("%w; over SSE: %w", old, second)}
}

// openWith begins a session in one way. A refusal that could mean that the
// server knows only the older transport is *olderTransport.
func openWith(ctx context.Context, opts HTTPOptions, base *url.URL, by way) (*HTTP, error) {
	h := &HTTP{
		opts:      opts,
		base:      base,
		shown:     opts.Shown,
		sse:       by == overSSE,
		stateless: by == asStateless,
		dress:     newDresser(opts.Version),
		tools:     newSubscription(),
		opened:    make(chan struct{}),
		side:      make(chan struct{}, maxSide),
		pending:   make(map[string]*exchange),
		done:      make(chan struct{}),
	}
	h.ctx, h.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	h.pool = newPool()
	h.client = &http.Client{Transport: &tap{h}, CheckRedirect: h.redirect}
	if err := h.connect(ctx); err != nil {
		h.end(err)
		return nil, err
	}
	return h, nil
}

// badHeader gives the name of the first header that net/http would refuse,
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

// connect makes the wire and goes through the handshake.
func (h *HTTP) connect(ctx context.Context) error {
	if h.stateless {
		return h.discover(ctx)
	}
	log := slog.New(slog.DiscardHandler) // mcp-go logs urls and bodies; errors come to us anyway.
	var err error
	if h.sse {
		const never = math.MaxInt64 // The callers' contexts bound all waits.
		h.wire, err = transport.NewSSE(h.base.String(), transport.WithHTTPClient(h.client), transport.WithSSELogger(log),
			transport.WithEndpointTimeout(never), transport.WithResponseTimeout(never))
	} else {
		h.wire, err = transport.NewStreamableHTTP(h.base.String(), transport.WithHTTPBasicClient(h.client),
			transport.WithHTTPLogger(log), transport.WithContinuousListening())
	}
	if err != nil {
		return errors.New("the url is not valid")
	}
	if err := h.start(ctx); err != nil {
		return err
	}
	return h.handshake(ctx)
}

// start opens the stream of an SSE server. The stream lives as long as the
// session, but is given up when ctx ends before it is open.
func (h *HTTP) start(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { h.cancel(context.Cause(ctx)) })
	x := &exchange{}
	err := h.wire.Start(context.WithValue(h.ctx, exchangeKey{}, x))
	switch {
	case !stop():
		return context.Cause(ctx)
	case h.ctx.Err() != nil:
		return context.Cause(h.ctx)
	case err != nil:
		return transportError(x.state(), err)
	}
	return nil
}

func (h *HTTP) handshake(ctx context.Context) error {
	answer, err := h.Call(ctx, endpoint.Request{Method: methodInitialize, Params: initializeParams(h.opts.Version)})
	if unsent, ok := errors.AsType[*endpoint.NotWritten](err); ok {
		err = unsent.Cause
	}
	if err != nil {
		return err
	}
	if h.info, err = serverInfo(answer); err != nil {
		return &notUnderstood{err}
	}
	h.wire.SetProtocolVersion(h.info.ProtocolVersion)
	h.listens = announcesTools(answer)
	if err := h.tellInitialized(ctx); err != nil {
		return err
	}
	close(h.opened)
	return nil
}

func (h *HTTP) tellInitialized(ctx context.Context) error {
	x := &exchange{}
	both, cancel := context.WithCancelCause(context.WithValue(ctx, exchangeKey{}, x))
	defer cancel(nil)
	defer context.AfterFunc(h.ctx, func() { cancel(context.Cause(h.ctx)) })()
	err := h.wire.SendNotification(both, notification(methodInitialized, nil))
	f := x.state()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case h.ctx.Err() != nil:
		return context.Cause(h.ctx)
	case err != nil && (f.err != nil || f.unauthorized() || f.status == 0):
		return transportError(f, err)
	}
	return nil // Any other refusal of it does no harm.
}
