//go:build unix

package wire_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gatehouse/testkit"
)

// stateless is the revision that has no initialize: each request says by itself
// what its sender is.
const stateless = "2026-07-28"

// wire carries single messages to a gateway.
type wire interface {
	// send delivers one message as it is and returns what came for it. id is
	// that of the request, empty if nothing is to be waited for.
	send(ctx context.Context, message []byte, id string, header http.Header) (answer, error)
}

// answer is what came for one message.
type answer struct {
	status  int // of HTTP
	header  http.Header
	message []byte   // the response
	notes   [][]byte // what came before it
}

// agent is one conversation of a revision.
type agent struct {
	name     string
	revision string
	session  string
	hello    answer // to initialize; nothing in 2026-07-28
	over     wire
	mu       sync.Mutex
	next     int
}

// dial opens a conversation of a revision.
func dial(t testing.TB, name, revision string, over wire) *agent {
	t.Helper()
	a := &agent{name: name + ", " + revision, revision: revision, over: over}
	if revision == stateless {
		return a
	}
	first := a.request(t, "initialize", fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"wire","version":"1"}}`, revision))
	result, err := resultOf(first.message)
	if err != nil || text(pick(result, "protocolVersion")) != revision {
		t.Fatalf("initialize asked for %s and got %d: %s, want that revision", revision, first.status, first.message)
	}
	a.hello = first
	a.session = first.header.Get("Mcp-Session-Id")
	a.notify(t, "notifications/initialized", "")
	return a
}

// request sends a request with these params, an object or nothing, and waits
// for its answer.
func (a *agent) request(t testing.TB, method, params string) answer {
	t.Helper()
	got, err := a.try(t.Context(), method, text(pick([]byte(params), "name")), params)
	if err != nil {
		t.Fatalf("%s: %s: %v", a.name, method, err)
	}
	return got
}

// try is request in a goroutine, of a tool if it has a name.
func (a *agent) try(ctx context.Context, method, tool, params string) (answer, error) {
	a.mu.Lock()
	a.next++
	id := fmt.Sprint(a.next)
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
	defer cancel()
	if a.revision == stateless {
		params = withMeta(params)
	}
	message := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"method":%q`, id, method)
	if params != "" {
		message = append(append(message, `,"params":`...), params...)
	}
	return a.over.send(ctx, append(message, '}'), id, a.header(method, tool))
}

func (a *agent) notify(t testing.TB, method, params string) {
	t.Helper()
	message := fmt.Sprintf(`{"jsonrpc":"2.0","method":%q}`, method)
	if params != "" {
		message = fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":%s}`, method, params)
	}
	if _, err := a.over.send(t.Context(), []byte(message), "", a.header(method, "")); err != nil {
		t.Fatal(err)
	}
}

// header is what the revision asks for over HTTP.
func (a *agent) header(method, name string) http.Header {
	h := http.Header{}
	if method != "initialize" || a.revision == stateless {
		h.Set("Mcp-Protocol-Version", a.revision)
	}
	if a.session != "" {
		h.Set("Mcp-Session-Id", a.session)
	}
	if a.revision == stateless {
		h.Set("Mcp-Method", method)
		if name != "" {
			h.Set("Mcp-Name", name)
		}
	}
	return h
}

// statelessMeta is what each request of 2026-07-28 says of its sender.
const statelessMeta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"wire","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}`

// withMeta puts statelessMeta in front of params, or into the _meta with which
// they begin.
func withMeta(params string) string {
	rest := strings.TrimPrefix(strings.TrimSpace(cmp.Or(params, "{}")), "{")
	if meta, ok := strings.CutPrefix(rest, `"_meta":{`); ok {
		return `{"_meta":{` + statelessMeta + "," + meta
	}
	if strings.TrimSpace(rest) == "}" {
		return `{"_meta":{` + statelessMeta + `}}`
	}
	return `{"_meta":{` + statelessMeta + `},` + rest
}

// call runs one of the gateway's tools and returns its result as it came.
func (a *agent) call(ctx context.Context, tool, arguments string) ([]byte, error) {
	got, err := a.try(ctx, "tools/call", tool, fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments))
	if err != nil {
		return nil, err
	}
	return resultOf(got.message)
}

// httpWire posts to a gateway's endpoint.
type httpWire struct {
	url    string
	client *http.Client
}

func overHTTP(t testing.TB, g *testkit.Gateway) *httpWire {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &httpWire{url: g.BaseURL(t) + "/mcp", client: &http.Client{Transport: tr}}
}

// post sends a message. Headers given replace the usual ones.
func (w *httpWire) post(ctx context.Context, message []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	maps.Copy(req.Header, header)
	return w.client.Do(req)
}

// firstEvent is the first that comes on the stream that answers a message.
func (w *httpWire) firstEvent(ctx context.Context, message []byte, header http.Header) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
	defer cancel()
	resp, err := w.post(ctx, message, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "" {
			return []byte(data), nil
		}
	}
	return nil, fmt.Errorf("status %d without an event: %w", resp.StatusCode, lines.Err())
}

// send implements wire.
func (w *httpWire) send(ctx context.Context, message []byte, _ string, header http.Header) (answer, error) {
	resp, err := w.post(ctx, message, header)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	got := answer{status: resp.StatusCode, header: resp.Header}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return got, err
	}
	got.message = body
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		got.message, got.notes = events(body)
	}
	return got, nil
}

// events returns the data of each event: the last one, and what came before it.
func events(stream []byte) (last []byte, before [][]byte) {
	for event := range bytes.SplitSeq(stream, []byte("\n\n")) {
		var data [][]byte
		for line := range bytes.SplitSeq(event, []byte("\n")) {
			if d, ok := bytes.CutPrefix(line, []byte("data:")); ok {
				data = append(data, bytes.TrimPrefix(d, []byte(" ")))
			}
		}
		if len(bytes.Join(data, nil)) > 0 {
			before = append(before, bytes.Join(data, []byte("\n")))
		}
	}
	if before == nil {
		return nil, nil
	}
	return before[len(before)-1], before[:len(before)-1]
}

// stdioWire is the one conversation that a gateway over stdio has.
type stdioWire struct {
	mu    sync.Mutex
	in    io.Writer
	lines chan []byte
}

func overStdio(t testing.TB, g *testkit.Gateway) *stdioWire {
	t.Helper()
	w := &stdioWire{in: g.Stdin(), lines: make(chan []byte, 64)}
	go func() { // Ends with the gateway.
		defer close(w.lines)
		r := bufio.NewReaderSize(g.Stdout(), 1<<16)
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			w.lines <- line
		}
	}()
	return w
}

// send implements wire: one request at a time, so that all lines up to the
// response belong to it.
func (w *stdioWire) send(ctx context.Context, message []byte, id string, _ http.Header) (answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.in.Write(append(onOneLine(message), '\n')); err != nil {
		return answer{}, err
	}
	var got answer
	for id != "" {
		line, err := w.line(ctx)
		if err != nil {
			return got, err
		}
		if string(pick(line, "id")) == id && pick(line, "method") == nil {
			got.message = line
			return got, nil
		}
		got.notes = append(got.notes, line)
	}
	return got, nil
}

func (w *stdioWire) line(ctx context.Context) ([]byte, error) {
	select {
	case line, ok := <-w.lines:
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		return line, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("no line came: %w", ctx.Err())
	}
}

// onOneLine replaces line ends, which in JSON are white space between tokens.
func onOneLine(message []byte) []byte {
	message = bytes.ReplaceAll(message, []byte("\n"), []byte(" "))
	return bytes.ReplaceAll(message, []byte("\r"), []byte(" "))
}
