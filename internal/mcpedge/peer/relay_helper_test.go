package peer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/mcpedge/peer"
	fleetkit "gatehouse/testkit/fleet"
)

// gate is a ToolHandler without tools.
type gate struct{}

func (gate) Definitions() []json.RawMessage { return nil }
func (gate) Introduce(agents.Caller) string { return "" }
func (gate) CallTool(_ context.Context, _ agents.Caller, _ agents.ToolCall, dst []byte) ([]byte, bool) {
	return dst, false
}

// scene is a surface that says which gateway it is at, and whose calls run until a test
// lets them go on.
type scene struct {
	node  string
	calls chan *play
}

// play is a running call.
type play struct {
	say   func(json.RawMessage) // its progress
	goOn  chan struct{}
	ended chan error // why its context ended
}

func (s *scene) Name() string                         { return "one" }
func (s *scene) Open(c agents.Caller) bool            { return c.Agent != "nobody" }
func (s *scene) Speaker(agents.Caller) string         { return "" }
func (s *scene) Marks(agents.Caller) (m agents.Marks) { return m }
func (s *scene) Changed() <-chan struct{}             { return nil }
func (s *scene) Introduce(context.Context, agents.Caller) (agents.Introduction, *agents.Error) {
	return agents.Introduction{Capabilities: json.RawMessage(`{"tools":{}}`), ServerInfo: json.RawMessage(`{"name":"one","version":"1"}`)}, nil
}

func (s *scene) Serve(ctx context.Context, c agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	if r.Method == "tools/call" {
		p := &play{r.Progress, make(chan struct{}), make(chan error, 1)}
		s.calls <- p
		select {
		case <-p.goOn:
		case <-ctx.Done():
			p.ended <- context.Cause(ctx)
		}
	}
	said, err := json.Marshal(map[string]any{"node": s.node, "agent": c.Agent, "from": c.From, "credential": c.Identity.ID(), "size": len(r.Params)})
	if err != nil {
		return dst, &agents.Error{Code: -32603, Object: json.RawMessage(`{"code":-32603,"message":"no"}`)}
	}
	return append(dst, said...), nil
}

// replica is a gateway of a fleet of two, and what agents reach of it.
type replica struct {
	scene  *scene
	edge   *agents.Edge
	url    string
	peers  *fleetkit.Proxy // the way to it for the other one
	client *peer.Client
	passed atomic.Int32 // requests that it has passed on
	asked  atomic.Int32 // requests that were passed on to it
	lives  atomic.Bool
	nobody atomic.Bool // where it listens for other gateways nobody does
	close  func()      // ends that listener
}

// replicas starts a fleet of two. Agents show who they are as a plain Authorization.
func replicas(t *testing.T) (n1, n2 *replica) {
	t.Helper()
	return impatient(t, time.Minute, 0)
}

// impatient is replicas that wait so long for each other, and look so often whether
// the other one is there; 0 means as often as real ones.
func impatient(t *testing.T, patience, look time.Duration) (n1, n2 *replica) {
	t.Helper()
	both := map[string]*replica{"n1": {}, "n2": {}}
	for node, r := range both {
		r.lives.Store(true)
		r.scene = &scene{node, make(chan *play, 100)}
		r.client = peer.NewClient(peer.ClientConfig{AskedFor: patience, PlaceLook: look})
		r.edge = agents.New(gate{}, agents.Options{
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)), MaxMessageBytes: 1 << 20,
			Authorize: func(w http.ResponseWriter, q *http.Request) (*identity.Caller, bool) {
				if q.Header.Get("Authorization") == "revoked" {
					http.Error(w, "no", http.StatusUnauthorized)
					return nil, false
				}
				return &identity.Caller{Credential: q.Header.Get("Authorization")}, true
			},
			Fleet: &agents.Fleet{Node: node, Key: []byte("the key of the fleet"), Pass: func(w http.ResponseWriter, q *http.Request, to string) bool {
				r.passed.Add(1)
				other := both[to]
				address := other.peers.Addr()
				if other.nobody.Load() {
					address = "127.0.0.1:1"
				}
				return r.client.Relay(w, q, peer.Place{Address: address, Lives: other.lives.Load})
			}},
		})
		r.serve(t)
	}
	return both["n1"], both["n2"]
}

// serve has agents and the other gateway reach the replica.
func (r *replica) serve(t *testing.T) {
	t.Helper()
	surfaceOf := func(*http.Request) agents.Surface { return r.scene }
	mux := http.NewServeMux()
	mux.Handle("/s/one", r.edge.HandlerAt(surfaceOf, "/mcp"))
	mux.Handle("/mcp", r.edge.Handler())
	server := httptest.NewServer(mux)
	r.url = server.URL
	passedOn := r.edge.PassedOnAt(surfaceOf, "/mcp")
	peers := peer.NewServer(peer.ServerConfig{
		Tenure: func() fleet.TenureAnswer { return fleet.TenureAnswer{} },
		Sessions: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			r.asked.Add(1)
			passedOn.ServeHTTP(w, q)
		}),
		Log: slog.New(slog.DiscardHandler),
	}).HTTP()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = peers.Serve(l) }() // Ends with the test.
	r.peers = fleetkit.StartProxy(t, l.Addr().String())
	r.close = func() { _ = peers.Close() }
	t.Cleanup(func() {
		r.edge.Close()
		server.Close()
		_ = peers.Close()
		r.client.Close()
	})
}

// ask sends a request of an agent, with headers as name, value, name, value.
func ask(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return askUntil(ctx, t, method, url, body, headers...)
}

func askUntil(ctx context.Context, t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// text is the body of a response, to its end.
func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// opens opens a session at the replica, and returns its id.
func (r *replica) opens(t *testing.T, headers ...string) string {
	t.Helper()
	resp := ask(t, http.MethodPost, r.url+"/s/one", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"probe","version":"9"}}}`, headers...)
	id := resp.Header.Get("Mcp-Session-Id")
	if resp.StatusCode != http.StatusOK || id == "" {
		t.Fatalf("initialize: got %d %s, want %d and a session", resp.StatusCode, text(t, resp), http.StatusOK)
	}
	return id
}

const (
	listTools = `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`
	slowCall  = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":"p"}}}`
)

// lists asks the replica for the tools of a session.
func (r *replica) lists(t *testing.T, id string, headers ...string) (status int, body string) {
	t.Helper()
	resp := ask(t, http.MethodPost, r.url+"/s/one", listTools, append([]string{"Mcp-Session-Id", id}, headers...)...)
	return resp.StatusCode, text(t, resp)
}

// events reads the events of a stream: the id and the data of each.
func events(resp *http.Response) func() (id, data string) {
	in := bufio.NewReader(resp.Body)
	return func() (id, data string) {
		for {
			line, err := in.ReadString('\n')
			switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); {
			case err != nil:
				return "", fmt.Sprintf("the end of the stream (%v)", err)
			case field == "id":
				id = value
			case field == "data":
				data = value
			case line == "\n" && data != "":
				return id, data
			}
		}
	}
}
