package agents_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
)

// seen makes marks of the tools, resources, templates and prompts.
func seen(tools, resources, templates, prompts uint64) agents.Marks {
	return agents.Marks{agents.ToolsList: tools, agents.ResourcesList: resources, agents.TemplatesList: templates, agents.PromptsList: prompts}
}

func TestChanges_overStdio_eachOnce_atMostOneASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lists := &marks{now: seen(1, 0, 0, 5)}
		s := dialAt(t, newEdge(t, newScript(), nil), place{"one", lists})
		s.initialize("2025-11-25")
		lists.set(seen(2, 0, 0, 5)) // Before the client takes notifications.
		s.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		begun := time.Now()
		hears := func(at time.Duration, want ...string) {
			t.Helper()
			for _, kind := range want {
				got := s.next()
				if got != `{"jsonrpc":"2.0","method":"notifications/`+kind+`/list_changed"}` || time.Since(begun) != at {
					t.Errorf("got %s after %v, want a change of the %s after %v", got, time.Since(begun), kind, at)
				}
			}
			synctest.Wait()
			if len(s.lines) != 0 {
				t.Errorf("got %s besides, want nothing", s.next())
			}
		}
		hears(0, "tools")
		for i := range uint64(20) {
			lists.set(seen(3+i, 0, 0, 6))
		}
		hears(time.Second, "tools", "prompts")
		time.Sleep(9 * time.Second)
		lists.set(seen(22, 7, 0, 6)) // Somebody has asked for the resources.
		lists.set(seen(22, 7, 8, 6)) // And for their templates.
		lists.set(seen(22, 7, 8, 6))
		hears(10 * time.Second)
		lists.set(seen(22, 9, 9, 6))
		hears(10*time.Second, "resources")
		lists.set(seen(0, 0, 0, 0)) // Nobody knows: no reason to ask again.
		hears(10 * time.Second)
		_ = s.in.Close()
		synctest.Wait()
	})
}

// events reads the messages of a stream as they come.
func events(t *testing.T, req *http.Request) <-chan string {
	t.Helper()
	resp, err := (&http.Client{Transport: plainTransport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d, want a stream", resp.StatusCode)
	}
	out := make(chan string, 100)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "" {
				out <- data
			}
		}
	}()
	return out
}

// serveLists serves a surface with these lists at /s/one.
func serveLists(t *testing.T, lists *marks) (*agents.Edge, string) {
	t.Helper()
	edge := newEdge(t, newScript(), nil)
	return edge, serveAt(t, edge, place{"one", lists}) + "/s/one"
}

// What changes while no stream is open is told on the next, and of two streams
// only one tells.
func TestChanges_overGETStreams_eachOnceASession(t *testing.T) {
	lists := &marks{now: seen(1, 1, 1, 1)}
	_, url := serveLists(t, lists)
	mine, other := openSession(t, url, "2025-11-25"), openSession(t, url, "2025-11-25")
	lists.set(seen(2, 1, 1, 1))
	ctx, end := context.WithCancel(t.Context())
	defer end()
	listen := func(session string) <-chan string {
		return events(t, request(ctx, http.MethodGet, url, "", "Mcp-Session-Id", session))
	}
	const want = `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`
	first := listen(mine)
	if got := receive(t, first); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	second, others := listen(mine), listen(other)
	if got := receive(t, others); got != want {
		t.Errorf("another session: got %s, want %s", got, want)
	}
	lists.set(seen(2, 1, 1, 2))
	const prompts = `{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}`
	var got string
	select {
	case got = <-first:
	case got = <-second:
	case <-time.After(patience):
	}
	if got != prompts {
		t.Errorf("got %q, want %s", got, prompts)
	}
	end()
	rest := append(slices.Collect(chanValues(first)), slices.Collect(chanValues(second))...)
	if len(rest) != 0 {
		t.Errorf("got %v besides, want nothing", rest)
	}
}

func chanValues(c <-chan string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}

const listenParams = `{"notifications":{"toolsListChanged":true,"promptsListChanged":false,"odd":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"new","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}`

func TestChanges_bySubscription_whatWasAskedFor(t *testing.T) {
	lists := &marks{now: seen(1, 1, 1, 1)}
	edge, url := serveLists(t, lists)
	stream := events(t, request(t.Context(), http.MethodPost, url, `{"jsonrpc":"2.0","id":"s-1","method":"subscriptions/listen","params":`+listenParams+`}`,
		"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen"))
	const meta = `"_meta":{"io.modelcontextprotocol/subscriptionId":"s-1"}`
	if got, want := receive(t, stream), `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	lists.set(seen(2, 2, 1, 2))
	if got, want := receive(t, stream), `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{`+meta+`}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	edge.Close()
	if got, want := receive(t, stream), `{"jsonrpc":"2.0","id":"s-1","result":{"resultType":"complete",`+meta+`}}`; got != want {
		t.Errorf("at the end: got %s, want %s", got, want)
	}
}

// Its body may come long after its head, by which its sender was let in.
func TestChanges_subscriptionOfACredentialThatWasRemovedMeanwhile_isRefused(t *testing.T) {
	edge := newEdge(t, newScript(), func(o *agents.Options) { o.Accepted = func(*identity.Caller) bool { return false } })
	url := serveAt(t, edge, place{"one", &marks{now: seen(1, 1, 1, 1)}}) + "/s/one"
	got := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":`+listenParams+`}`,
		"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
	if got.status != http.StatusUnauthorized || !strings.Contains(got.body, "no longer accepted") {
		t.Errorf("got %d %s, want 401 that says why", got.status, got.body)
	}
}

func TestChanges_subscriptionThatAsksInTwoWays_isRefused(t *testing.T) {
	edge := newEdge(t, newScript(), nil)
	url := serveAt(t, edge, place{"one", &marks{now: seen(1, 1, 1, 1)}}) + "/s/one"
	for _, asked := range []string{`"resourceSubscriptions":["a://b"],"resourceSubscriptions":["a://c"]`, `"taskIds":["x"],"TaskIds":["y"]`, `"ToolsListChanged":true`} {
		got := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":`+strings.Replace(listenParams, `"odd":true`, asked, 1)+`}`,
			"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "-32600") {
			t.Errorf("%s: got %d %.300s, want 400 and -32600", asked, got.status, got.body)
		}
	}
}

// A subscription holds up nothing, takes no place, and ends when its client says so.
func TestChanges_subscriptionOverStdio_canBeCancelled(t *testing.T) {
	lists := &marks{now: seen(1, 1, 1, 1)}
	s := dialAt(t, newEdge(t, newScript(), func(o *agents.Options) { o.MaxInFlight = 1 }), place{"one", lists})
	s.send(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":%s}`, listenParams)
	if got := s.next(); !strings.Contains(got, "acknowledged") {
		t.Errorf("got %s, want an acknowledgement", got)
	}
	s.send("%s", statelessCall("2", "echo", "{}"))
	if got := s.next(); field(t, got, "id") != json.Number("2") {
		t.Errorf("got %s, want the answer to the call", got)
	}
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	lists.set(seen(2, 1, 1, 1))
	s.send("%s", statelessCall("3", "echo", "{}"))
	for {
		got := s.next()
		if field(t, got, "id") == json.Number("3") {
			break
		}
		if !strings.Contains(got, "list_changed") { // It may have been on its way.
			t.Errorf("got %s, want no answer to a cancelled subscription", got)
		}
	}
}
