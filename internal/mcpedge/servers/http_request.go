package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"time"

	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// goodbyeTimeout bounds the request that ends a session at the server.
const goodbyeTimeout = 2 * time.Second

// errForeignHost means that a request was meant for another host than the
// configured one, or without its encryption.
var errForeignHost = errors.New("the server points to another host, which is not followed")

// request makes the HTTP request of a message that expects an answer.
func (c *conversation) request(ctx context.Context, x *exchange, req endpoint.Request) *http.Request {
	params := []byte(req.Params)
	if c.stateless() {
		params = c.meta.addTo(withLevel(params, req.LogLevel), req.Capabilities)
	}
	if req.Progress != nil {
		params = withToken(params, quote(x.id))
	}
	r := c.post(ctx, jsonrpc.AppendRequest(nil, quote(x.id), req.Method, params))
	req.Trace.Headers(r.Header.Set)
	if c.stateless() {
		r.Header.Set(mcp.HeaderMethod, req.Method)
		if req.Method == methodToolsCall {
			c.addParams(r.Header, params)
		}
		nameIn(r.Header, req.Method, params)
	}
	return r
}

// post makes the HTTP request of one message. The url has been parsed before,
// so it can be made.
func (c *conversation) post(ctx context.Context, body []byte) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target, bytes.NewReader(body))
	if err != nil {
		panic("internal: cannot make a request for a url that was parsed")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	c.addSession(r.Header)
	return r
}

// get opens a stream on which the server speaks by itself, or goes on with one
// after its event lastID.
func (c *conversation) get(ctx context.Context, lastID string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.h.base.String(), http.NoBody)
	if err != nil {
		panic("internal: cannot make a request for a url that was parsed")
	}
	r.Header.Set("Accept", "text/event-stream")
	c.addSession(r.Header)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	return c.h.client.Do(r) //nolint:wrapcheck // The caller says what it was for.
}

// addSession adds the headers by which a server knows the conversation.
func (c *conversation) addSession(header http.Header) {
	if c.stateless() {
		header.Set(mcp.HeaderProtocolVersion, endpoint.StatelessRevision)
		return
	}
	if c.id != "" {
		header.Set(transport.HeaderKeySessionID, c.id)
	}
	if c.info.ProtocolVersion != "" {
		header.Set(transport.HeaderKeyProtocolVersion, c.info.ProtocolVersion)
	}
}

// addParams sets the headers of a tool call for parameters for which its definition
// asks for that.
func (c *conversation) addParams(header http.Header, params json.RawMessage) {
	for name, value := range c.headers.of(rawjson.Text(rawjson.Get(params, "name")), params) {
		header.Set(name, value)
	}
}

// nameIn sets the header that names what a request is about.
func nameIn(header http.Header, method string, params json.RawMessage) {
	member := ""
	switch {
	case method == methodToolsCall, method == "prompts/get":
		member = "name"
	case method == "resources/read":
		member = "uri"
	case strings.HasPrefix(method, "tasks/"):
		member = "taskId"
	default:
		return
	}
	if value, ok := mcp.EncodeHeaderValue(rawjson.Text(rawjson.Get(params, member))); ok {
		header.Set(mcp.HeaderName, value)
	}
}

// tap stands between the requests and the network: it adds the entry's
// headers, keeps to the configured host, and notes what happens to each
// exchange.
type tap struct{ h *HTTP }

// RoundTrip implements [http.RoundTripper].
func (t *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	h, x := t.h, exchangeOf(req.Context())
	if !sameOrigin(req.URL, h.base) {
		x.note(func(f *facts) { f.err = errForeignHost })
		return nil, errForeignHost
	}
	return t.authorized(req)
}

// send sends a request with that Authorization header; empty for the entry's own.
func (t *tap) send(req *http.Request, authorization string) (*http.Response, error) {
	h, x := t.h, exchangeOf(req.Context())
	before := x != nil && x.state().sent
	x.note(func(f *facts) { f.status, f.err = 0, nil })
	trace := &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { x.note(func(f *facts) { f.sent = true }) },
		// A connection is looked for again only after one on which nothing
		// could be written, or where the server said that it did nothing.
		GetConn: func(string) { x.note(func(f *facts) { f.sent = before }) },
	}
	req = req.Clone(httptrace.WithClientTrace(req.Context(), trace))
	t.addHeaders(req)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := h.pool.RoundTrip(req)
	if err != nil {
		h.forsake(req.Context())
		x.note(func(f *facts) { f.err = err })
		return nil, err //nolint:wrapcheck // Only the exchange's facts are looked at.
	}
	x.note(func(f *facts) { f.status, f.head = resp.StatusCode, readHead(resp, time.Now()) })
	h.received.Add(1)
	resp.Body = &tappedBody{ReadCloser: resp.Body, h: h, ctx: req.Context()}
	return resp, nil
}

// forsake closes the connections that nobody uses, once one has failed of which nobody
// has given up the request: if the server has gone they are dead as well, and a call on
// a dead one may have run for all that anybody knows.
func (h *HTTP) forsake(ctx context.Context) {
	if ctx.Err() == nil {
		h.pool.CloseIdleConnections()
	}
}

// tappedBody counts the reads that brought something, and hears of a connection that
// fails.
type tappedBody struct {
	io.ReadCloser

	h   *HTTP
	ctx context.Context //nolint:containedctx // It is that of the request to which the body belongs.
}

func (b *tappedBody) Read(p []byte) (int, error) {
	n, err := countingReader{b.ReadCloser, &b.h.received}.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.h.forsake(b.ctx)
	}
	return n, err
}

// protocolHeaders are the protocol's to set, and so are all that begin with
// paramHeader.
var protocolHeaders = map[string]bool{
	"Accept": true, "Connection": true, "Content-Length": true, "Content-Type": true, "Last-Event-Id": true,
	"Mcp-Method": true, "Mcp-Name": true, "Mcp-Protocol-Version": true, "Mcp-Session-Id": true, "Transfer-Encoding": true,
}

const paramHeader = "Mcp-Param-"

func (t *tap) addHeaders(req *http.Request) {
	for name, value := range t.h.opts.Headers {
		switch name = http.CanonicalHeaderKey(name); {
		case name == "Host":
			req.Host = value
		case !protocolHeaders[name] && !strings.HasPrefix(name, paramHeader):
			req.Header.Set(name, value)
		}
	}
	if user := t.h.base.User; user != nil && req.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	if req.Header.Get("Idempotency-Key") != "" || req.Header.Get("X-Idempotency-Key") != "" {
		req.GetBody = nil // With such a header net/http would send a request twice.
	}
}

// redirect follows redirects only where nothing changes but the path. Any other
// is a response like others.
func (h *HTTP) redirect(req *http.Request, via []*http.Request) error {
	if sameOrigin(req.URL, h.base) && req.Method == via[0].Method && len(via) < 10 {
		return nil
	}
	return http.ErrUseLastResponse
}

func mediaType(resp *http.Response) string {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return media
}

func isRefused(err error) bool {
	errno, _ := errors.AsType[syscall.Errno](err)
	return errno == syscall.ECONNREFUSED || errno == errWindowsRefused
}
