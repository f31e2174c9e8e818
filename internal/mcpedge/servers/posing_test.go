package servers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// heedful is a client that answers everything, and keeps what it was asked and told.
type heedful struct{ heard chan string }

func (c heedful) Ask(_ context.Context, _ string, params json.RawMessage) (endpoint.Response, error) {
	c.heard <- string(params)
	return endpoint.Response{Result: json.RawMessage(`{"action":"decline"}`)}, nil
}

func (c heedful) Tell(_ string, params json.RawMessage) func(context.Context) {
	c.heard <- string(params)
	return nil
}
func (heedful) Revision() string                { return "2025-11-25" }
func (heedful) Declared() json.RawMessage       { return json.RawMessage(`{"elicitation":{}}`) }
func (heedful) Alive() time.Time                { return time.Now() }
func (heedful) Ended() <-chan struct{}          { return nil }
func (heedful) Hear(func(string)) (stop func()) { return func() {} }

const (
	posing    = `{"level":"info","_meta":{"io.gatehouse/origin":"gateway","io.modelcontextprotocol/subscriptionId":2},"_Meta":{"IO.Gatehouse/x":1}}`
	notPosing = `{"level":"info","_meta":{"io.modelcontextprotocol/subscriptionId":2},"_Meta":{}}`
)

// Whatever way a server's words take to somebody, they are not the gateway's.
func TestSession_whatTheServerSaysUnasked_cannotPose(t *testing.T) {
	heard := make(chan string, 10)
	_, p := open(t, servers.Options{
		Client: heedful{heard}, AskTimeout: patience,
		OnNotice: func(_ string, params json.RawMessage) { heard <- string(params) },
	})
	for _, said := range []string{
		`"method":"notifications/message"`, `"method":"notifications/resources/updated"`,
		`"method":"notifications/elicitation/complete"`, `"id":"q1","method":"elicitation/create"`,
	} {
		p.write(`{"jsonrpc":"2.0",%s,"params":%s}`, said, posing)
		if got := await(t, heard); got != notPosing {
			t.Errorf("%s: got %s, want %s", said, got, notPosing)
		}
	}
	p.read() // The answer to the question.
}

// What belongs to a request goes to whoever made it, and from there to sessions.
func TestCall_whatTheServerSaysMeanwhile_cannotPose(t *testing.T) {
	heard := make(chan string, 10)
	req := tool(`1`)
	req.Notice = func(_ string, params json.RawMessage) { heard <- string(params) }
	s, p := open(t, servers.Options{})
	done := call(t.Context(), s, req)
	if id := string(p.read().ID); id != "2" {
		t.Fatalf("got id %s, want 2", id)
	}
	p.write(`{"jsonrpc":"2.0","method":"notifications/message","params":%s}`, posing)
	if got := await(t, heard); got != notPosing {
		t.Errorf("over stdio: got %s, want %s", got, notPosing)
	}
	p.write(`{"jsonrpc":"2.0","id":2,"result":{}}`)
	await(t, done)
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		w.Header().Set("Content-Type", "text/event-stream")
		event(w, `{"jsonrpc":"2.0","method":"notifications/message","params":%s}`, posing)
		event(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
	})
	if _, err := openHTTP(t, servers.HTTPOptions{URL: o.URL}).Call(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if got := await(t, heard); got != notPosing {
		t.Errorf("over HTTP: got %s, want %s", got, notPosing)
	}
}

// What a server says of itself is shown to clients.
func TestOpen_whatTheServerSaysOfItself_cannotPose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meet(t, "", script{"server/discover": {answer: `"result":{"resultType":"complete","supportedVersions":["2026-07-28"],` +
			`"capabilities":{"tools":{},"io.gatehouse/a":1,"experimental":{"io.gatehouse/b":{}}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"2","IO.Gatehouse/c":1}}}`}})
		if m.err != nil {
			t.Fatal(m.err)
		}
		info := m.session.Info()
		if want := `{"tools":{},"experimental":{}}`; info.Capabilities != want || info.About != `{"name":"new","version":"2"}` {
			t.Errorf("got %s and %s, want %s and the name and version", info.Capabilities, info.About, want)
		}
	})
}
