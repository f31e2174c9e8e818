package attach

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

const (
	// maxMessage bounds a client's message and an answer over HTTP, in bytes.
	maxMessage = 64 << 20
	// maxAtOnce is how many requests are under way at one time.
	maxAtOnce = 256
	// byePatience is how long the end of a session may take.
	byePatience = 2 * time.Second
)

// URLOptions are what a relay to a gateway elsewhere needs.
type URLOptions struct {
	URL string
	// Token returns the bearer token to send; "" is none. It is asked for each
	// request.
	Token func() (string, error)
	In    io.Reader
	Out   io.Writer
	// Wait is how long a request waits for a gateway that cannot be reached.
	Wait time.Duration
	// Drain is how long requests may go on after the end of the input.
	Drain time.Duration
	// OwnTools is as for RelayOptions.
	OwnTools bool
	// Hurry ends the input when something comes, and what runs with the next.
	Hurry <-chan struct{}
}

// urlRelay carries one client's conversation to a gateway over HTTP.
type urlRelay struct {
	opts   URLOptions
	client *http.Client
	places chan struct{} // one for each request that is under way
	all    sync.WaitGroup

	writing sync.Mutex // held while a line goes to the client
	opening sync.Mutex // held while a session is opened anew

	mu        sync.Mutex // guards what follows, and is never held across I/O
	params    []byte     // of the client's initialize, once that was answered
	ready     bool       // the client has said so
	session   string
	protocol  string
	listening bool
	running   map[string]bool // requests without an answer; true if the client has given one up
}

// RelayURL carries the conversation until the client's input has ended and what it
// asked has been answered, or ctx ends. A read that blocks is left behind.
func RelayURL(ctx context.Context, opts URLOptions) error {
	r := &urlRelay{
		opts: opts, places: make(chan struct{}, maxAtOnce), running: map[string]bool{},
		client: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // The token is for nobody else.
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: maxAtOnce, IdleConnTimeout: time.Minute,
				DialContext: (&net.Dialer{Timeout: opts.Wait}).DialContext, TLSHandshakeTimeout: opts.Wait, ForceAttemptHTTP2: true,
			},
		},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.read(ctx)
	}()
	select {
	case <-ended:
	case <-opts.Hurry:
	case <-ctx.Done():
	}
	r.finish(ctx)
	cancel()
	r.bye() //nolint:contextcheck // The end of a session comes after that of ctx.
	return nil
}

// finish waits for what runs.
func (r *urlRelay) finish(ctx context.Context) {
	idle := make(chan struct{})
	go func() {
		r.all.Wait()
		close(idle)
	}()
	timer := time.NewTimer(r.opts.Drain)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	case <-r.opts.Hurry:
	case <-ctx.Done():
	}
}

// read takes the client's lines until they end.
func (r *urlRelay) read(ctx context.Context) {
	src := newSource(r.opts.In, nil)
	var long []byte
	for ctx.Err() == nil {
		p, err := src.next()
		if err == nil && !p.last {
			if len(long)+len(p.data) <= maxMessage {
				long = append(long, p.data...)
			}
			continue
		}
		if line := bytes.TrimSpace(append(long, p.data...)); len(line) > 0 {
			r.line(ctx, bytes.Clone(line))
		}
		long = nil
		if err != nil {
			return
		}
	}
}

// line takes one message of the client. initialize and notifications are in order.
func (r *urlRelay) line(ctx context.Context, line []byte) {
	m := read(line)
	if m.request != nil && m.request.id != nil { // Nobody can cancel a whole batch.
		r.mu.Lock()
		r.running[string(m.request.id)] = false // A cancellation may be the very next line.
		r.mu.Unlock()
	}
	switch {
	case m.request == nil:
		r.notify(ctx, m, line)
	case m.method == methodInitialize:
		r.ask(ctx, m, line)
	default:
		select {
		case r.places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		r.all.Go(func() {
			defer func() { <-r.places }()
			r.ask(ctx, m, line)
		})
	}
}

// notify sends what needs no answer; if that fails nobody hears of it.
func (r *urlRelay) notify(ctx context.Context, m message, line []byte) {
	r.mu.Lock()
	if _, runs := r.running[string(m.cancels)]; runs {
		r.running[string(m.cancels)] = true
	}
	r.ready = r.ready || m.method == methodInitialized
	r.mu.Unlock()
	if resp, err := r.post(ctx, m, line); err == nil {
		if resp.StatusCode/100 == 2 {
			_ = r.pass(resp, nil)
		} else {
			discard(resp) // A page for people, which no client may take for MCP.
		}
	}
	if m.method == methodInitialized {
		r.listen(ctx)
	}
}

// ask sends a request and hands its answer to the client. A gateway that cannot be
// reached is waited for.
func (r *urlRelay) ask(ctx context.Context, m message, line []byte) {
	m.request.line = line
	defer r.forget(m.request.id)
	deadline := time.Now().Add(r.opts.Wait)
	for pause := reconnectPause; ; pause = min(2*pause, time.Second) {
		if r.givenUp(m.request.id) {
			return
		}
		answered, f := r.try(ctx, m, line)
		if answered || r.givenUp(m.request.id) {
			return
		}
		retry := !f.mayHaveRun || m.request.again()
		if !retry || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			r.tell(m.request.answer(f, r.shape()))
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// givenUp reports whether the client has cancelled a request.
func (r *urlRelay) givenUp(id []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[string(id)]
}

func (r *urlRelay) forget(id []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, string(id))
}

func (r *urlRelay) shape() shape {
	r.mu.Lock()
	defer r.mu.Unlock()
	return shape{modern: r.params == nil, ownTools: r.opts.OwnTools}
}

// try sends a request once. If it was not answered, f is what became of it.
func (r *urlRelay) try(ctx context.Context, m message, line []byte) (answered bool, f fate) {
	r.mu.Lock()
	session := r.session
	r.mu.Unlock()
	resp, err := r.post(ctx, m, line)
	if err != nil {
		return false, fateOf(err)
	}
	switch {
	case resp.StatusCode == http.StatusNotFound && session != "" && m.method != methodInitialize:
		discard(resp)
		if err := r.reopen(ctx, session); err != nil {
			return false, notRun(err.Error())
		}
		return false, notRun("its session was lost")
	case resp.StatusCode == http.StatusServiceUnavailable:
		discard(resp)
		return false, notRun("it answers " + resp.Status)
	case resp.StatusCode == http.StatusNotFound && !speaksMCP(resp):
		r.tell(m.request.answer(fateNoMCP, r.shape()))
		return true, fate{}
	case resp.StatusCode/100 != 2 && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"):
		discard(resp)
		r.tell(m.request.answer(notRun("it answers "+resp.Status), r.shape()))
		return true, fate{}
	}
	if m.method == methodInitialize {
		r.opened(resp)
	}
	found := false
	_ = r.pass(resp, func(answer []byte) {
		for _, id := range idsIn(answer) {
			found = found || m.request.batch != nil || bytes.Equal(id, m.request.id)
		}
		if m.method == methodInitialize && found {
			r.agreed(m, answer)
		}
	})
	if found {
		return true, fate{}
	}
	r.forsake()
	return false, fateUnknown // Whatever the error is.
}

// forsake closes the connections that nobody uses, once one has failed: if its gateway
// has gone they are dead as well, and what is sent on a dead one may have run for all
// that anybody knows.
func (r *urlRelay) forsake() { r.client.CloseIdleConnections() }

// speaksMCP reports whether an answer is a message of JSON-RPC, which can be read after
// that; else it is done with.
func speaksMCP(resp *http.Response) bool {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		discard(resp)
		return false
	}
	all, err := io.ReadAll(io.LimitReader(resp.Body, maxMessage))
	_ = resp.Body.Close() // It was only read.
	resp.Body = io.NopCloser(bytes.NewReader(all))
	return err == nil && (rawjson.First(all) == '[' || rawjson.Get(all, "jsonrpc") != nil)
}

// idsIn are the ids that a message answers.
func idsIn(line []byte) [][]byte {
	var s jsonrpc.Skimmer
	s.Feed(line)
	return s.Answers
}

// fateOf is what became of a request whose sending failed.
func fateOf(err error) fate {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return notRun("it cannot be connected to")
	}
	if e, ok := errors.AsType[*tokenError](err); ok {
		return notRun(e.Error())
	}
	return fateUnknown
}

// tokenError means that there is no token to send.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }

// post sends one message.
func (r *urlRelay) post(ctx context.Context, m message, line []byte) (*http.Response, error) {
	req, err := r.request(ctx, http.MethodPost, bytes.NewReader(line))
	if err != nil {
		return nil, err
	}
	if m.request != nil {
		r.untilGivenUp(req, m.request.id, line)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if meta := rawjson.Get(m.params, "_meta"); meta != nil {
		if version := rawjson.Text(rawjson.Get(meta, "io.modelcontextprotocol/protocolVersion")); version != "" {
			describe2026(req.Header, m, version)
		}
	}
	return r.do(req)
}

// do sends a request, on whichever connection there is.
func (r *urlRelay) do(req *http.Request) (*http.Response, error) {
	resp, err := r.client.Do(req)
	if err != nil {
		r.forsake()
	}
	return resp, err //nolint:wrapcheck // fateOf looks into it.
}

// describe2026 sets the headers in which the newest revision repeats what a request
// is about.
func describe2026(h http.Header, m message, version string) {
	h.Set("Mcp-Protocol-Version", version)
	h.Set("Mcp-Method", m.method)
	for method, key := range map[string]string{methodCall: "name", "prompts/get": "name", "resources/read": "uri"} {
		if m.method == method {
			h.Set("Mcp-Name", headerText(rawjson.Text(rawjson.Get(m.params, key))))
		}
	}
}

// headerText is a text as a header can have it.
func headerText(s string) string {
	plain := s == strings.TrimSpace(s) && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
	if plain {
		return s
	}
	return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

// request makes a request of this session.
func (r *urlRelay) request(ctx context.Context, method string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.opts.URL, body)
	if err != nil {
		return nil, &tokenError{err}
	}
	token, err := r.opts.Token()
	if err != nil {
		return nil, &tokenError{err}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session != "" {
		req.Header.Set("Mcp-Session-Id", r.session)
	}
	if r.protocol != "" {
		req.Header.Set("Mcp-Protocol-Version", r.protocol)
	}
	return req, nil
}

func discard(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRefusal)) // So that the connection can be used again.
	_ = resp.Body.Close()
}

// pass hands what came to the client; judge sees each message before. The error is
// why there is no more.
func (r *urlRelay) pass(resp *http.Response, judge func(message []byte)) error {
	defer func() { _ = resp.Body.Close() }() // It was only read.
	each := func(message []byte) {
		if message = bytes.TrimSpace(message); len(message) == 0 {
			return
		}
		jsonrpc.OneLine(message)
		if judge != nil {
			judge(message)
		}
		r.tell(message)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return events(resp.Body, each)
	}
	all, err := io.ReadAll(io.LimitReader(resp.Body, maxMessage))
	if err == nil {
		each(all)
	}
	return err //nolint:wrapcheck // It is only looked at.
}

// events reads the data of server-sent events.
func events(body io.Reader, each func(data []byte)) error {
	src := newSource(body, nil)
	var data, long []byte
	for {
		p, err := src.next()
		if err != nil {
			return err
		}
		if len(long)+len(p.data)+len(data) > maxMessage {
			return errHandshake
		}
		if !p.last {
			long = append(long, p.data...)
			continue
		}
		line := bytes.TrimRight(append(long, p.data...), "\r\n")
		long = nil
		switch text, isData := bytes.CutPrefix(line, []byte("data:")); {
		case isData:
			data = append(append(data, bytes.TrimPrefix(text, []byte(" "))...), '\n')
		case len(line) == 0 && len(data) > 0:
			each(data)
			data = nil
		}
	}
}

// tell writes a message to the client. One that is not taken is lost with it.
func (r *urlRelay) tell(message []byte) {
	r.writing.Lock()
	defer r.writing.Unlock()
	_, _ = r.opts.Out.Write(append(bytes.Clone(message), '\n'))
}
