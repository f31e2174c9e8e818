package peer_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

func TestRelay_aSessionIsServedWhereItIs_whicheverGatewayIsAsked(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t, "Authorization", "alice")
	for _, r := range []*replica{n1, n2} {
		status, body := r.lists(t, id, "Authorization", "alice", "Gatehouse-From", "6.6.6.6:6", "Connection", "Gatehouse-From")
		if status != http.StatusOK || !strings.Contains(body, `"credential":"alice"`) || !strings.Contains(body, `"node":"n1"`) {
			t.Errorf("at %s: got %d %s, want it served by n1 for alice", r.scene.node, status, body)
		}
	}
	if n1.passed.Load() != 0 || n2.passed.Load() != 1 {
		t.Errorf("got %d and %d requests passed on, want 0 and 1", n1.passed.Load(), n2.passed.Load())
	}
	if resp := ask(t, http.MethodDelete, n2.url+"/s/one", "", "Mcp-Session-Id", id, "Authorization", "alice"); resp.StatusCode != http.StatusOK {
		t.Errorf("DELETE at n2: got %d %s, want 200", resp.StatusCode, text(t, resp))
	}
	if status, body := n1.lists(t, id, "Authorization", "alice"); status != http.StatusNotFound {
		t.Errorf("at n1, once it was deleted at n2: got %d %s, want 404", status, body)
	}
}

// Without a credential the address counts: that of the agent, not that of the gateway.
func TestRelay_theOwnerKnowsFromWhereARequestCame(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	if status, body := n2.lists(t, id, "Gatehouse-From", "6.6.6.6:6"); status != http.StatusOK || !strings.Contains(body, `"from":"127.0.0.1"`) {
		t.Errorf("got %d %s, want it served as from 127.0.0.1", status, body)
	}
}

func TestRelay_anotherCredentialOrAgent_isRefusedByTheOwner(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t, "Authorization", "alice")
	for who, want := range map[string]int{"bob": http.StatusNotFound, "": http.StatusNotFound, "revoked": http.StatusUnauthorized} {
		if status, body := n2.lists(t, id, "Authorization", who); status != want {
			t.Errorf("%q at n2 with alice's session: got %d %s, want %d", who, status, body, want)
		}
	}
	if resp := ask(t, http.MethodPost, n2.url+"/s/one?agent=other", listTools, "Mcp-Session-Id", id, "Authorization", "alice"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another agent at n2: got %d %s, want 404", resp.StatusCode, text(t, resp))
	}
}

func TestRelay_idsThatNobodyOfTheFleetHasMade_reachNobody(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	bare, _, _ := strings.Cut(id, "@")
	seal := id[strings.LastIndex(id, "@"):]
	for what, forged := range map[string]string{
		"without a node":   bare,
		"without a seal":   bare + "@n1",
		"an empty seal":    bare + "@n1@",
		"another seal":     bare + "@n1@" + strings.Repeat("A", len(seal)-1),
		"another node":     bare + "@n3" + seal,
		"no node":          bare + "@" + seal,
		"the asked node":   bare + "@n2" + seal,
		"another id":       strings.Replace(id, bare[len(bare)-9:len(bare)-8], "2", 1),
		"an agent put in":  strings.Replace(id, "@", "~other@", 1),
		"more behind it":   id + "@n1" + seal,
		"nothing but that": seal,
	} {
		if forged == id {
			continue
		}
		if status, body := n2.lists(t, forged); status != http.StatusNotFound {
			t.Errorf("%s: got %d %s, want 404", what, status, body)
		}
	}
	if n2.passed.Load() != 0 || n1.asked.Load() != 0 {
		t.Errorf("got %d requests passed on and %d that came, want none", n2.passed.Load(), n1.asked.Load())
	}
	resp := ask(t, http.MethodPost, n2.url+"/mcp", listTools, "Mcp-Session-Id", bare+"@n2"+seal)
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("a sealed id at the gate: got %d %s, want 404", resp.StatusCode, text(t, resp))
	}
}

// Two gateways that take each other for the owner pass nothing round in circles.
func TestRelay_whatIsNotThere_isPassedOnOnce(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	ask(t, http.MethodDelete, n1.url+"/s/one", "", "Mcp-Session-Id", id)
	if status, body := n2.lists(t, id); status != http.StatusNotFound || !strings.Contains(body, "initialize again") {
		t.Errorf("got %d %s, want 404 that says what to do", status, body)
	}
	if n2.passed.Load() != 1 || n1.passed.Load() != 0 {
		t.Errorf("got %d and %d requests passed on, want 1 and 0", n2.passed.Load(), n1.passed.Load())
	}
}

func TestRelay_aStreamPassesAsItComes_andCanBeTakenUp(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	began := make(chan *http.Response, 1)
	go func() { began <- askUntil(ctx, t, http.MethodPost, n2.url+"/s/one", slowCall, "Mcp-Session-Id", id) }()
	p := await(t, "the call", n1.scene.calls)
	p.say(json.RawMessage(`{"progress":1}`))
	resp := await(t, "the stream", began)
	next := events(resp)
	last, data := next()
	if resp.Header.Get("Content-Type") != "text/event-stream" || !strings.Contains(data, `"progress":1`) {
		t.Fatalf("got %s as %s, want the progress while the call runs", data, resp.Header.Get("Content-Type"))
	}
	cut() // The agent's connection breaks.
	p.say(json.RawMessage(`{"progress":2}`))
	again := ask(t, http.MethodGet, n2.url+"/s/one", "", "Mcp-Session-Id", id, "Last-Event-ID", last)
	close(p.goOn)
	next = events(again)
	if _, data = next(); !strings.Contains(data, `"progress":2`) {
		t.Errorf("got %s after the break, want the progress that was missed", data)
	}
	if _, data = next(); !strings.Contains(data, `"node":"n1"`) {
		t.Errorf("got %s, want the answer", data)
	}
}

func TestRelay_anAgentThatGoes_endsItsCallAtTheOwner(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, n2.url+"/s/one", strings.NewReader(slowCall))
		if err != nil {
			return
		}
		req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Mcp-Session-Id": {id}}
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	p := await(t, "the call", n1.scene.calls)
	leave()
	await(t, "the end of the call", p.ended)
}

func TestRelay_aCallIsCancelledThroughAnyGateway(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n1.url+"/s/one", strings.NewReader(slowCall))
		if err != nil {
			return
		}
		req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Mcp-Session-Id": {id}}
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	p := await(t, "the call", n1.scene.calls)
	resp := ask(t, http.MethodPost, n2.url+"/s/one", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`, "Mcp-Session-Id", id)
	if resp.StatusCode != http.StatusAccepted {
		t.Errorf("got %d %s, want 202", resp.StatusCode, text(t, resp))
	}
	await(t, "the end of the call", p.ended)
}

func TestRelay_requestsBeyondTheLimit_areRefused(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	large := `{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"x":"` + strings.Repeat("x", 900<<10) + `"}}`
	if resp := ask(t, http.MethodPost, n2.url+"/s/one", large, "Mcp-Session-Id", id); resp.StatusCode != http.StatusOK {
		t.Errorf("within the limit: got %d %s, want 200", resp.StatusCode, text(t, resp))
	}
	for what, body := range map[string]io.Reader{
		"announced":     strings.NewReader(strings.Repeat(" ", 200<<10) + large),
		"not announced": io.MultiReader(strings.NewReader(strings.Repeat(" ", 200<<10)), strings.NewReader(large)),
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n2.url+"/s/one", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Content-Type": {"application/json"}, "Mcp-Session-Id": {id}}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("beyond the limit, %s: got %d %s, want 413", what, resp.StatusCode, text(t, resp))
		}
		_ = resp.Body.Close()
	}
}

func TestRelay_anOwnerThatIsGone_isASessionThatIsGone(t *testing.T) {
	for what, goes := range map[string]func(n1 *replica){
		"it has left the fleet": func(n1 *replica) { n1.lives.Store(false) },
		"nobody listens there":  func(n1 *replica) { n1.nobody.Store(true) },
	} {
		t.Run(what, func(t *testing.T) {
			n1, n2 := replicas(t)
			id := n1.opens(t)
			goes(n1)
			if status, body := n2.lists(t, id); status != http.StatusNotFound || !strings.Contains(body, "initialize again") {
				t.Errorf("got %d %s, want 404 that says what to do", status, body)
			}
			if again := ask(t, http.MethodPost, n2.url+"/s/one", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"probe","version":"9"}}}`, "Mcp-Session-Id", id); again.StatusCode != http.StatusOK || again.Header.Get("Mcp-Session-Id") == "" {
				t.Errorf("initialize with the old id: got %d %s, want a session", again.StatusCode, text(t, again))
			}
		})
	}
}

func TestRelay_anOwnerThatGoesInTheMiddle_breaksTheStream(t *testing.T) {
	for what, goes := range map[string]func(n1 *replica){
		"it leaves the fleet":   func(n1 *replica) { n1.lives.Store(false) },
		"it answers nobody":     func(n1 *replica) { n1.peers.Set(fleetkit.Hole) },
		"its connection breaks": func(n1 *replica) { n1.close() },
	} {
		t.Run(what, func(t *testing.T) {
			n1, n2 := impatient(t, 50*time.Millisecond, 20*time.Millisecond)
			id := n1.opens(t)
			var resp *http.Response
			testkit.Eventually(t, "n1 answers within that time", func() bool { // On a busy machine it may not.
				resp = ask(t, http.MethodGet, n2.url+"/s/one", "", "Mcp-Session-Id", id)
				return resp.StatusCode == http.StatusOK
			})
			goes(n1)
			broken := make(chan string, 1)
			go func() {
				_, data := events(resp)()
				broken <- data
			}()
			if data := await(t, "the end of the stream", broken); !strings.Contains(data, "unexpected EOF") {
				t.Errorf("got %s, want a stream that breaks off", data)
			}
		})
	}
}

func TestRelay_anOwnerThatGoesBeforeItAnswers_isSaid(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	answered := make(chan *http.Response, 1)
	go func() {
		answered <- ask(t, http.MethodPost, n2.url+"/s/one", slowCall, "Mcp-Session-Id", id, "Accept", "application/json")
	}()
	p := await(t, "the call", n1.scene.calls)
	n1.lives.Store(false)
	resp := await(t, "the answer", answered)
	if body := text(t, resp); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "may have run") {
		t.Errorf("got %d %s, want 404 that says that the call may have run", resp.StatusCode, body)
	}
	await(t, "the end of the call at the owner", p.ended)
}

// The gateway that passes on ends its listening streams when it shuts down, and waits for
// calls.
func TestRelay_shutdownOfTheGatewayInBetween(t *testing.T) {
	n1, n2 := replicas(t)
	id := n1.opens(t)
	stream := ask(t, http.MethodGet, n2.url+"/s/one", "", "Mcp-Session-Id", id)
	answered := make(chan *http.Response, 1)
	go func() {
		answered <- ask(t, http.MethodPost, n2.url+"/s/one", slowCall, "Mcp-Session-Id", id, "Accept", "application/json")
	}()
	p := await(t, "the call", n1.scene.calls)
	down := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		down <- n2.edge.Shutdown(ctx)
	}()
	events(stream)()
	testkit.Eventually(t, "new requests are refused", func() bool {
		status, _ := n2.lists(t, id)
		return status == http.StatusServiceUnavailable
	})
	close(p.goOn)
	if resp := await(t, "the answer", answered); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d %s for a call that ran, want its answer", resp.StatusCode, text(t, resp))
	}
	if err := await(t, "the end", down); err != nil {
		t.Errorf("got %v, want that all was answered", err)
	}
}
