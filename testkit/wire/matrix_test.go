//go:build unix

package wire_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// A client of any revision in front of a server of any revision, over both transports,
// on the server's own surface, with each feature. What servers ask of clients has tests
// of its own, by the scope of the server.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts nine processes")
	}
	options := houseOptions(t, "--whole")
	web := startReady(t, options, allServers...)
	for _, server := range allServers {
		opt := options
		opt.Stdio, opt.Args = true, append(slices.Clip(opt.Args), "--surface", "server:"+server)
		pipe := overStdio(t, startReady(t, opt, server))
		for _, revision := range []string{"2024-11-05", "2025-06-18", "2025-11-25", stateless} {
			newCell(t, "stdio", revision, server, pipe).run(t)
			w := overHTTP(t, web)
			w.url = strings.TrimSuffix(w.url, "/mcp") + "/servers/" + url.PathEscape(server) + "/mcp"
			if revision == "2024-11-05" {
				revision = "2025-03-26" // It has another transport over HTTP; whoever asks for it is given a later one.
			}
			newCell(t, "HTTP", revision, server, w).run(t)
		}
	}
}

// cell is a client before a server, and what it hears unasked.
type cell struct {
	path

	unasked chan []byte // nil over stdio: it comes between the answers
	end     func()
}

func newCell(t *testing.T, over, revision, server string, w wire) *cell {
	t.Helper()
	c := &cell{path: path{dial(t, over, revision, w), server}, end: func() {}}
	if h, ok := w.(*httpWire); ok && revision != stateless {
		c.listen(t, h, http.MethodGet, "", c.header("", ""))
	}
	return c
}

// listen opens a stream on which the gateway speaks by itself.
func (c *cell) listen(t *testing.T, w *httpWire, method, body string, header http.Header) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, method, w.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %v %v, want a stream", c, resp, err)
	}
	c.unasked = make(chan []byte, 100)
	go func() { // Ends with the stream.
		defer close(c.unasked)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				c.unasked <- []byte(data)
			}
		}
	}()
	c.end = cancel
}

// run tries each feature.
func (c *cell) run(t *testing.T) {
	t.Helper()
	defer func() { c.end() }()
	c.says(t, "tools", "tools/call", `{"name":"echo","arguments":{"n":1.0}}`, `"structuredContent":{"n":1.0}`)
	c.says(t, "resources", "resources/list", "", `"uri":"note://a/%7Eb"`)
	c.says(t, "templates", "resources/templates/list", "", `"uriTemplate":"note://{id}/{+rest}"`)
	c.says(t, "reading", "resources/read", `{"uri":"note://a"}`, `"contents":[{"uri":"note://x"`)
	c.says(t, "prompts", "prompts/get", `{"name":"greet","arguments":{"who":"me"}}`, `"messages":[{"role":"user"`)
	c.says(t, "completion", "completion/complete", `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":"a"}}`, `"completion":{"values":[`)
	c.progress(t)
	c.cancellation(t)
	c.logging(t)
	c.subscriptions(t)
}

// ask sends a request and returns its answer, with what came before that.
func (c *cell) ask(t *testing.T, feature, method, params string) answer {
	t.Helper()
	name := text(pick([]byte(params), "name"))
	if method == "resources/read" {
		name = text(pick([]byte(params), "uri"))
	}
	got, err := c.try(t.Context(), method, name, params)
	if err != nil {
		t.Fatalf("%s, %s: %v, want an answer", c, feature, err)
	}
	return got
}

func (c *cell) says(t *testing.T, feature, method, params, want string) {
	t.Helper()
	if got := c.ask(t, feature, method, params); !strings.Contains(string(got.message), want) {
		t.Errorf("%s, %s: got %s, want %s in it", c, feature, got.message, want)
	}
}

func (c *cell) progress(t *testing.T) {
	t.Helper()
	got := c.ask(t, "progress", "tools/call", `{"_meta":{"progressToken":"p"},"name":"progress","arguments":{"n":2}}`)
	n := 0
	for _, note := range got.notes {
		if text(pick(note, "method")) == "notifications/progress" && text(pick(pick(note, "params"), "progressToken")) == "p" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%s, progress: got %d notifications, want 2", c, n)
	}
}

// cancellation goes by the end of the request where there is no other way.
func (c *cell) cancellation(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	if w, stdio := c.over.(*stdioWire); stdio {
		for _, message := range []string{
			`{"jsonrpc":"2.0","id":"cancelled","method":"tools/call","params":` + c.params(`{"name":"hang","arguments":{}}`) + `}`,
			`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"cancelled"}}`,
		} {
			if _, err := w.send(ctx, []byte(message), "", nil); err != nil {
				t.Fatalf("%s, cancellation: %v, want no error", c, err)
			}
		}
	} else {
		over := make(chan struct{})
		go func() {
			defer close(over)
			_, _ = c.try(ctx, "tools/call", "hang", `{"name":"hang","arguments":{}}`)
		}()
		cancel()
		<-over
	}
	cancel()
	c.says(t, "after a cancellation", "tools/call", `{"name":"echo","arguments":{}}`, `"content"`)
}

// params are those of a request, as the client's revision has them.
func (c *cell) params(params string) string {
	if c.revision == stateless {
		return withMeta(params)
	}
	return params
}

// logging: a message of the level that is wanted, and none below it.
func (c *cell) logging(t *testing.T) {
	t.Helper()
	meta := ""
	if c.revision == stateless {
		meta = `"_meta":{"io.modelcontextprotocol/logLevel":"info"},`
	} else {
		c.says(t, "logging", "logging/setLevel", `{"level":"info"}`, `"result":{`)
	}
	c.ask(t, "logging", "tools/call", `{`+meta+`"name":"log","arguments":{"kind":"debug","message":"no"}}`)
	got := c.ask(t, "logging", "tools/call", `{`+meta+`"name":"log","arguments":{"kind":"warning","message":"yes"}}`)
	c.hears(t, "logging", got.notes, "notifications/message", `"level":"warning"`, `"data":"yes"`)
}

func (c *cell) subscriptions(t *testing.T) {
	t.Helper()
	const uri = "note://a/%7Eb"
	switch w := c.over.(type) {
	case *httpWire:
		if c.revision == stateless {
			body := `{"jsonrpc":"2.0","id":"listen","method":"subscriptions/listen","params":` + withMeta(`{"notifications":{"resourceSubscriptions":["`+uri+`"]}}`) + `}`
			c.listen(t, w, http.MethodPost, body, c.header("subscriptions/listen", ""))
			c.hears(t, "subscriptions", nil, "notifications/subscriptions/acknowledged", `"resourceSubscriptions":["`+uri+`"]`)
		}
	case *stdioWire:
		if c.revision == stateless {
			body := `{"jsonrpc":"2.0","id":"listen","method":"subscriptions/listen","params":` + withMeta(`{"notifications":{"resourceSubscriptions":["`+uri+`"]}}`) + `}`
			if _, err := w.send(t.Context(), []byte(body), "", nil); err != nil {
				t.Fatal(err)
			}
			c.hears(t, "subscriptions", nil, "notifications/subscriptions/acknowledged", `"resourceSubscriptions":["`+uri+`"]`)
		}
	}
	if c.revision != stateless {
		c.says(t, "subscriptions", "resources/subscribe", `{"uri":"`+uri+`"}`, `"result":{`)
	}
	got := c.ask(t, "subscriptions", "tools/call", `{"name":"touch","arguments":{"name":"`+uri+`"}}`)
	c.hears(t, "subscriptions", got.notes, "notifications/resources/updated", `"uri":"`+uri+`"`)
	if c.revision != stateless {
		c.says(t, "subscriptions", "resources/unsubscribe", `{"uri":"`+uri+`"}`, `"result":{`)
	}
}

// hears waits for a notification, which may have come with an answer.
func (c *cell) hears(t *testing.T, feature string, notes [][]byte, method string, parts ...string) {
	t.Helper()
	fits := func(message []byte) bool {
		if text(pick(message, "method")) != method {
			return false
		}
		for _, part := range parts {
			if !strings.Contains(string(message), part) {
				t.Errorf("%s, %s: got %s, want %s in it", c, feature, message, part)
			}
		}
		return true
	}
	if slices.ContainsFunc(notes, fits) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for {
		message, err := c.next(ctx)
		if err != nil {
			t.Fatalf("%s, %s: %v, want %s", c, feature, err, method)
		}
		if fits(message) {
			return
		}
	}
}

// next is what comes unasked.
func (c *cell) next(ctx context.Context) ([]byte, error) {
	if w, stdio := c.over.(*stdioWire); stdio {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.line(ctx)
	}
	select {
	case message, ok := <-c.unasked:
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		return message, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
