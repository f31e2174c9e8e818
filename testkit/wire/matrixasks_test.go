//go:build unix

package wire_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// asked are what servers ask of clients, and how each is answered.
var asked = []struct{ feature, method, params, answer string }{
	{"elicitation", "elicitation/create", `{"message":"Who?","requestedSchema":{"type":"object","properties":{"who":{"type":"string"}}}}`, `{"action":"accept","content":{"who":"me"}}`},
	{"sampling", "sampling/createMessage", `{"messages":[{"role":"user","content":{"type":"text","text":"Who?"}}],"maxTokens":10}`, `{"role":"assistant","content":{"type":"text","text":"me"},"model":"me"}`},
	{"roots", "roots/list", `{}`, `{"roots":[{"uri":"file:///me","name":"me"}]}`},
}

// exception is what a client is told in a cell in which a server cannot ask; "" in all
// others. A client of 2026-07-28 has no session over HTTP, and an older server asks in
// one alone.
func exception(over, revision, server string) string {
	if over == "HTTP" && revision == stateless && !strings.HasSuffix(server, "-new") {
		return "gateway.scope"
	}
	return ""
}

// What TestMatrix leaves out: elicitation, sampling and roots, of clients of any
// revision by servers of any revision. Those of before 2026-07-28 run once for each
// session.
func TestMatrix_serversThatAsk(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	web, newWeb := testkit.StartHTTPFake(t, "--whole"), testkit.StartHTTPFake(t, "--whole", "--era", "stateless")
	options := testkit.Options{
		Servers: testkit.Servers{
			"pipe":     testkit.Fake(t, "--whole").Settings("scope", "session", "restart_wait_ms", testkit.Patience.Milliseconds()),
			"web":      testkit.Entry{"url": web.Base + "/mcp"}.Settings("scope", "session", "restart_wait_ms", testkit.Patience.Milliseconds()),
			"pipe-new": testkit.Fake(t, "--whole", "--era", "stateless"),
			"web-new":  {"url": newWeb.Base + "/mcp"},
		}.JSON(),
		Rules: testkit.AllowAll("a"), Args: []string{"--agent", "a"}, Env: []string{testkit.Built(t)},
	}
	base := startReady(t, options, "pipe-new", "web-new").BaseURL(t)
	for _, revision := range []string{"2025-03-26", "2025-06-18", "2025-11-25", stateless} {
		for _, server := range allServers {
			c := &askable{over: "HTTP", revision: revision, talk: &posts{url: base + "/servers/" + server + "/mcp"}}
			c.open(t)
			c.isAsked(t, server, "ask_client")
		}
	}
	options.Stdio, options.Args = true, append(slices.Clip(options.Args), "--surface", "all")
	for _, revision := range []string{"2024-11-05", "2025-06-18", "2025-11-25", stateless} {
		g := startReady(t, options, "pipe-new", "web-new")
		c := &askable{over: "stdio", revision: revision, talk: &pipes{g.Stdin(), bufio.NewReaderSize(g.Stdout(), 1<<16)}}
		c.open(t)
		for _, server := range allServers {
			c.isAsked(t, server, server+"__ask_client")
		}
	}
}

// exchange is a conversation in which the client may be asked: say sends a message, next
// returns what comes for it, one message after the other.
type exchange interface {
	say(ctx context.Context, message string, h http.Header) (next func() ([]byte, error), err error)
}

type pipes struct {
	in  io.Writer
	out *bufio.Reader
}

func (p *pipes) say(_ context.Context, message string, _ http.Header) (func() ([]byte, error), error) {
	_, err := io.WriteString(p.in, message+"\n")
	return func() ([]byte, error) { return p.out.ReadBytes('\n') }, err
}

type posts struct{ url, session string }

func (p *posts) say(ctx context.Context, message string, h http.Header) (func() ([]byte, error), error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(message))
	if err != nil {
		return nil, err
	}
	req.Header = h
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "application/json, text/event-stream")
	if p.session != "" {
		h.Set("Mcp-Session-Id", p.session)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if id := resp.Header.Get("Mcp-Session-Id"); id != "" {
		p.session = id
	}
	context.AfterFunc(ctx, func() { _ = resp.Body.Close() })
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return func() ([]byte, error) { return io.ReadAll(resp.Body) }, nil
	}
	lines := bufio.NewReader(resp.Body)
	return func() ([]byte, error) {
		for {
			line, err := lines.ReadString('\n')
			if data, ok := strings.CutPrefix(line, "data: "); ok && strings.TrimSpace(data) != "" || err != nil {
				return []byte(data), err
			}
		}
	}, nil
}

// askable is a client that declares that it can be asked for everything.
type askable struct {
	over, revision string
	talk           exchange
	last           int
}

const able = `{"elicitation":{},"sampling":{},"roots":{}}`

func (c *askable) open(t *testing.T) {
	t.Helper()
	if c.revision == stateless {
		return
	}
	c.ask(t, "initialize", "", fmt.Sprintf(`{"protocolVersion":%q,"capabilities":%s,"clientInfo":{"name":"wire","version":"1"}}`, c.revision, able))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := c.talk.say(ctx, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, c.header("", "")); err != nil {
		t.Fatal(err)
	}
}

func (c *askable) header(method, name string) http.Header {
	h := http.Header{}
	if method != "initialize" {
		h.Set("Mcp-Protocol-Version", c.revision)
	}
	if c.revision == stateless {
		h.Set("Mcp-Method", method)
		h.Set("Mcp-Name", name)
	}
	return h
}

// ask sends a request, answers what comes in between, and returns the answer.
func (c *askable) ask(t *testing.T, method, name, params string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	c.last++
	id := fmt.Sprint(c.last)
	next, err := c.talk.say(ctx, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, id, method, params), c.header(method, name))
	for err == nil {
		var message []byte
		message, err = next()
		switch {
		case err != nil && len(message) == 0:
		case pick(message, "method") == nil && string(pick(message, "id")) == id:
			return message
		case pick(message, "id") != nil:
			_, err = c.talk.say(ctx, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, pick(message, "id"), answerTo(text(pick(message, "method")))), c.header("", ""))
		}
	}
	t.Fatalf("%s, %s: %s: %v, want an answer", c.over, c.revision, method, err)
	return nil
}

func answerTo(method string) string {
	for _, a := range asked {
		if a.method == method {
			return a.answer
		}
	}
	return `{"unexpected":true}`
}

// call calls a tool, again for as long as it needs answers, and returns the result.
func (c *askable) call(t *testing.T, tool, arguments string) []byte {
	t.Helper()
	more := ""
	for range 3 {
		params := fmt.Sprintf(`{"name":%q,"arguments":%s%s}`, tool, arguments, more)
		if c.revision == stateless {
			params = strings.Replace(withMeta(params), `clientCapabilities":{}`, `clientCapabilities":`+able, 1)
		}
		message := c.ask(t, "tools/call", tool, params)
		result := pick(message, "result")
		if text(pick(result, "resultType")) != "input_required" {
			return message
		}
		requests, err := members(pick(result, "inputRequests"))
		if err != nil || len(requests) != 1 {
			t.Fatalf("%s, %s: got %s, want one question", c.over, c.revision, message)
		}
		more = fmt.Sprintf(`,"requestState":%s,"inputResponses":{%s:%s}`, pick(result, "requestState"), requests[0].key, answerTo(text(pick([]byte(requests[0].value), "method"))))
	}
	t.Fatalf("%s, %s: %s asks again and again, want a result", c.over, c.revision, tool)
	return nil
}

func (c *askable) isAsked(t *testing.T, server, tool string) {
	t.Helper()
	for _, a := range asked {
		got := c.call(t, tool, fmt.Sprintf(`{"method":%q,"params":%s}`, a.method, a.params))
		want := compact([]byte(a.answer))
		if says := exception(c.over, c.revision, server); says != "" {
			if !strings.Contains(string(got), says) || !strings.Contains(string(got), "SERVER_UNAVAILABLE") {
				t.Errorf("%s, %s to %s, %s: got %s, want a refusal that says %q", c.over, c.revision, server, a.feature, got, says)
			}
			continue
		}
		if answered := compact(pick(pick(pick(got, "result"), "structuredContent"), "result")); answered != want {
			t.Errorf("%s, %s to %s, %s: got %s, want the client's answer %s", c.over, c.revision, server, a.feature, got, want)
		}
	}
}
