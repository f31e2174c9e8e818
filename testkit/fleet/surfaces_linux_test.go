package fleet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// visitor is a client of one surface, whose requests a balancer sends to any gateway.
type visitor struct {
	t        *testing.T
	path     string
	revision string
	session  string
}

const stateless = "2026-07-28"

// visits opens a session of a surface at a gateway; a client of 2026-07-28 needs none.
func visits(t *testing.T, n *kit.Node, path, revision string) *visitor {
	t.Helper()
	v := &visitor{t: t, path: path, revision: revision}
	if revision == stateless {
		return v
	}
	resp := v.post(n, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+revision+`","capabilities":{"elicitation":{},"roots":{"listChanged":true}},"clientInfo":{"name":"visitor","version":"1"}}}`)
	body, _ := io.ReadAll(resp.Body)
	if v.session = resp.Header.Get("Mcp-Session-Id"); resp.StatusCode != http.StatusOK || v.session == "" {
		t.Fatalf("initialize %s at %s: got %d %s, want %d and a session", path, n.ID, resp.StatusCode, body, http.StatusOK)
	}
	v.post(n, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return v
}

func (v *visitor) do(n *kit.Node, method, body string, headers ...string) *http.Response {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	v.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, n.URL+v.path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	for i, set := 0, append([]string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Mcp-Protocol-Version", v.revision, "Mcp-Session-Id", v.session}, headers...); i < len(set); i += 2 {
		if set[i+1] != "" {
			req.Header.Set(set[i], set[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatalf("%s %s at %s: %v", method, v.path, n.ID, err)
	}
	v.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (v *visitor) post(n *kit.Node, body string, headers ...string) *http.Response {
	v.t.Helper()
	return v.do(n, http.MethodPost, body, headers...)
}

// request is a JSON-RPC request in the visitor's revision. more are members of the params.
func (v *visitor) request(id int, method, more string) (body string, headers []string) {
	if v.revision != stateless {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{%s}}`, id, method, more), nil
	}
	if more != "" {
		more += ","
	}
	var named struct{ Name, URI string }
	_ = json.Unmarshal([]byte("{"+strings.TrimSuffix(more, ",")+"}"), &named) // It is the test's own.
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{%s"_meta":{"io.modelcontextprotocol/protocolVersion":%q,"io.modelcontextprotocol/clientInfo":{"name":"visitor","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}},"io.modelcontextprotocol/logLevel":"info","progressToken":"p"}}}`, id, method, more, stateless),
		[]string{"Mcp-Method", method, "Mcp-Name", named.Name + named.URI}
}

// asks sends a request to a gateway, and returns the answer. told hears what comes before.
func (v *visitor) asks(n *kit.Node, method, more string, told func(message string)) string {
	v.t.Helper()
	body, headers := v.request(7, method, more)
	resp := v.post(n, body, headers...)
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			v.t.Fatal(err)
		}
		return string(text)
	}
	for message := range messages(resp) {
		if strings.Contains(message, `"id":7`) && !strings.Contains(message, `"method"`) {
			return message
		}
		if told != nil {
			told(message)
		}
	}
	v.t.Fatalf("%s of %s at %s: the stream ended without an answer", method, v.path, n.ID)
	return ""
}

func (v *visitor) calls(n *kit.Node, tool, arguments string, told func(message string)) string {
	v.t.Helper()
	return v.asks(n, "tools/call", fmt.Sprintf(`"name":%q,"arguments":%s`, tool, arguments), told)
}

// listens opens a stream for what comes unasked.
func (v *visitor) listens(n *kit.Node, more string) <-chan string {
	v.t.Helper()
	if v.revision != stateless {
		return messages(v.do(n, http.MethodGet, ""))
	}
	body, headers := v.request(3, "subscriptions/listen", more)
	return messages(v.post(n, body, headers...))
}

// messages are those of an event stream. The channel is closed at its end.
func messages(resp *http.Response) <-chan string {
	out := make(chan string, 100)
	go func() { // Ends with the stream.
		defer close(out)
		in := bufio.NewReader(resp.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && data != "" {
				out <- data
			}
		}
	}()
	return out
}

// hears waits for a message with these words.
func hears(t *testing.T, what string, from <-chan string, words ...string) string {
	t.Helper()
	patience := time.NewTimer(testkit.Patience)
	defer patience.Stop()
	var heard []string
	for {
		select {
		case m, open := <-from:
			if !open {
				t.Errorf("%s: the stream ended after %q, want a message with %q", what, heard, words)
				return ""
			}
			heard = append(heard, m)
			has := true
			for _, w := range words {
				has = has && strings.Contains(m, w)
			}
			if has {
				return m
			}
		case <-patience.C:
			t.Errorf("%s: heard %q, want a message with %q", what, heard, words)
			return ""
		}
	}
}

func wants(t *testing.T, what, got string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(got, w) {
			t.Errorf("%s: got %s, want %q in it", what, got, w)
		}
	}
}

// TestFleet_surfaces_anyGateway has clients whose requests go now to one gateway and now to
// the other.
func TestFleet_surfaces_anyGateway(t *testing.T) {
	t.Parallel()
	f := kit.Start(t, kit.Options{Nodes: 2, Servers: 1, TTL: steady})
	f.Apply(testkit.Servers{
		"s0":   f.Fake("s0"),
		"old":  f.Fake("old", "--whole", "--tasks"),
		"new":  f.Fake("new", "--whole", "--tasks", "--era", "stateless"),
		"mine": f.Fake("mine", "--whole").Settings("scope", "session"),
		"own":  f.Fake("own").Settings("scope", "agent", "idle_stop_ms", betweenCalls.Milliseconds()),
	}.JSON(), testkit.Rules{kit.Agent: {Allow: []string{"*"}}, "other": {Allow: []string{"*"}}}.JSON())
	n1, n2 := f.Nodes[0], f.Nodes[1]
	for _, name := range []string{"old", "new"} {
		f.AwaitOwner(name)
	}
	for server, revision := range map[string]string{"old": "2025-11-25", "new": "2025-11-25"} {
		t.Run(server+" shared, "+revision, func(t *testing.T) { crossesTheHop(t, f, server, revision) })
	}
	t.Run("new shared, "+stateless, func(t *testing.T) { crossesTheHop(t, f, "new", stateless) })
	t.Run("a process of the session", func(t *testing.T) { ofSession(t, n1, n2) })
	t.Run("a process of the agent", func(t *testing.T) { ofAgent(t, f) })
	t.Run("the gate", func(t *testing.T) { atTheGate(t, n1, n2) })
	t.Run("the gateway of a session ends", func(t *testing.T) { sessionsGatewayEnds(t, n1, n2) })
}

// crossesTheHop has a client of a gateway that does not run a shared server hear of all
// that the server says. A session's requests go to both gateways in turn.
func crossesTheHop(t *testing.T, f *kit.Fleet, server, revision string) {
	owner := f.AwaitOwner(server)
	n := f.Others(owner)[0]
	v := visits(t, n, "/servers/"+server+"/mcp?agent="+kit.Agent, revision)
	during := make(chan string, 100)
	hear := func(message string) { during <- message }
	if v.revision != stateless {
		v.asks(owner, "logging/setLevel", `"level":"info"`, nil)
		v.asks(n, "resources/subscribe", `"uri":"note://a"`, nil)
	}
	unasked := v.listens(owner, `"notifications":{"toolsListChanged":true,"resourceSubscriptions":["note://a"]}`)
	if v.revision == stateless {
		hears(t, "the subscription", unasked, "acknowledged", "note://a")
		unasked = v.listens(n, `"notifications":{"toolsListChanged":true,"resourceSubscriptions":["note://a"]}`)
		hears(t, "the subscription", unasked, "acknowledged", "note://a")
	}
	v.asks(n, "tools/call", `"name":"progress","arguments":{"n":2}`+token(v), hear)
	hears(t, "progress", during, "notifications/progress", `"progress":1`)
	v.calls(n, "log", `{"kind":"error","message":"in a call"}`, hear)
	said := (<-chan string)(during)
	if v.revision != stateless { // It comes to the whole session.
		said = unasked
	}
	hears(t, "a log message of a call", said, "notifications/message", "in a call")
	if server == "old" {
		v.calls(owner, "log", `{"kind":"error","message":"unasked","silent":true}`, nil)
		hears(t, "a log message", unasked, "notifications/message", "unasked")
	}
	v.calls(n, "touch", `{"name":"note://a"}`, nil)
	hears(t, "an update", unasked, "notifications/resources/updated", "note://a")
	v.calls(n, "set_tools", `{"tools":["late_`+strings.ReplaceAll(revision, "-", "")+`"]}`, nil)
	hears(t, "a change of the list", unasked, "notifications/tools/list_changed")
	asksBack(t, v, n, owner, server)
	ofTasks(t, v, n, owner, server, unasked)
}

// token is a progress token, for a revision in which request puts none.
func token(v *visitor) string {
	if v.revision == stateless {
		return ""
	}
	return `,"_meta":{"progressToken":"p"}`
}

// asksBack has a shared server ask its client.
func asksBack(t *testing.T, v *visitor, n, owner *kit.Node, server string) {
	t.Helper()
	const question = `{"method":"elicitation/create","params":{"message":"sure?","requestedSchema":{"type":"object","properties":{}}}}`
	if v.revision == stateless {
		got := v.calls(n, "ask_client", question, nil)
		wants(t, "a question", got, `"input_required"`, "sure?")
		more := `"name":"ask_client","arguments":` + question + `,"requestState":"asked","inputResponses":{"asked":{"action":"accept","content":{}}}`
		wants(t, "the answer to it, at the other gateway", v.asks(owner, "tools/call", more, nil), `"accept"`)
		return
	}
	got := v.calls(n, "ask_client", question, func(message string) {
		var asked struct {
			ID     json.RawMessage
			Method string
		}
		if json.Unmarshal([]byte(message), &asked) == nil && asked.Method == "elicitation/create" {
			v.post(owner, `{"jsonrpc":"2.0","id":`+string(asked.ID)+`,"result":{"action":"accept","content":{}}}`)
		}
	})
	if server == "old" { // It was told that nobody can be asked.
		wants(t, "a question that nobody is asked", got, `"error"`)
		return
	}
	wants(t, "a question and its answer", got, `"accept"`)
}

// ofTasks has a shared server promise a task, and say how it stands.
func ofTasks(t *testing.T, v *visitor, n, owner *kit.Node, server string, unasked <-chan string) {
	t.Helper()
	if server == "new" && v.revision != stateless {
		return // A task of the one does not become one of the other.
	}
	wish := `,"task":{}`
	if v.revision == stateless {
		wish = ""
	}
	promised := v.asks(n, "tools/call", `"name":"promise","arguments":{}`+wish, nil)
	var p struct {
		Result struct {
			TaskID string
			Task   struct{ TaskID string }
		}
	}
	_ = json.Unmarshal([]byte(promised), &p) // What it lacks shows below.
	id := p.Result.TaskID + p.Result.Task.TaskID
	if id == "" {
		t.Fatalf("got %s, want a task", promised)
	}
	if v.revision == stateless {
		unasked = v.listens(n, `"notifications":{"taskIds":["`+id+`"]}`)
		hears(t, "the subscription to a task", unasked, "acknowledged", id)
	}
	v.calls(n, "settle", `{"name":"task-1"}`, nil)
	hears(t, "how a task stands", unasked, "notifications/tasks", id, "completed")
}

// ofSession has a server that runs for one session.
func ofSession(t *testing.T, n1, n2 *kit.Node) {
	v := visits(t, n1, "/servers/mine/mcp?agent="+kit.Agent, "2025-11-25")
	here, there := v.calls(n1, "pid", "{}", nil), v.calls(n2, "pid", "{}", nil)
	if pidIn(here) == 0 || pidIn(here) != pidIn(there) {
		t.Errorf("got %s and %s, want one process through either gateway", here, there)
	}
	// The question goes out through the one, and the answer comes in through the other.
	got := v.calls(n2, "ask_client", `{"method":"roots/list"}`, func(message string) {
		var asked struct {
			ID     json.RawMessage
			Method string
		}
		if json.Unmarshal([]byte(message), &asked) == nil && asked.Method == "roots/list" {
			v.post(n1, `{"jsonrpc":"2.0","id":`+string(asked.ID)+`,"result":{"roots":[{"uri":"file:///here"}]}}`)
		}
	})
	wants(t, "a question and its answer", got, "file:///here")
	if resp := v.do(n2, http.MethodDelete, ""); resp.StatusCode != http.StatusOK {
		t.Errorf("DELETE at the other gateway: got %d, want 200", resp.StatusCode)
	}
	testkit.Eventually(t, "the process ends with its session", func() bool { return !testkit.Alive(pidIn(here)) })
}

// betweenCalls is how long a server that runs for one agent goes on without a call: more
// than a busy machine takes from one to the next.
const betweenCalls = 10 * time.Second

// ofAgent has a server that runs for one agent: once in the fleet, whichever gateway the
// agent calls, and only as long as it does.
func ofAgent(t *testing.T, f *kit.Fleet) {
	const path = "/servers/own/mcp?agent="
	var first, other *visitor
	first, other = visits(t, f.Nodes[0], path+kit.Agent, stateless), visits(t, f.Nodes[0], path+"other", stateless)
	pids := map[string]int{}
	for range 3 {
		for _, n := range f.Nodes {
			for name, v := range map[string]*visitor{"the agent": first, "another agent": other} {
				pid := pidIn(v.calls(n, "pid", "{}", nil))
				if pids[name] == 0 {
					pids[name] = pid
				}
				if pid == 0 || pid != pids[name] {
					t.Errorf("%s at %s: got process %d, want %d through each gateway", name, n.ID, pid, pids[name])
				}
			}
		}
	}
	if pids["the agent"] == pids["another agent"] {
		t.Errorf("got process %d for both agents, want one for each", pids["the agent"])
	}
	testkit.Gone(t, pids["the agent"])
	testkit.Gone(t, pids["another agent"])
	if pid := pidIn(first.calls(f.Nodes[1], "pid", "{}", nil)); pid == 0 || pid == pids["the agent"] {
		t.Errorf("got process %d once the first had ended, want a new one", pid)
	}
}

// pidIn is the process in the answer of the tool pid; 0 if there is none.
func pidIn(answer string) int {
	var a struct {
		Result struct{ StructuredContent struct{ PID int } }
	}
	_ = json.Unmarshal([]byte(answer), &a) // What it lacks is 0.
	return a.Result.StructuredContent.PID
}

// atTheGate has a client of the gate, whose sessions any gateway serves by itself.
func atTheGate(t *testing.T, n1, n2 *kit.Node) {
	v := visits(t, n1, "/mcp?agent="+kit.Agent, "2025-11-25")
	for _, n := range []*kit.Node{n1, n2} {
		wants(t, "a call at "+n.ID, v.calls(n, "execute_tool", `{"server":"s0","tool":"echo","arguments":{"id":"gate"}}`, nil), `"id":"gate"`)
		if resp := v.do(n, http.MethodGet, ""); resp.StatusCode != http.StatusOK {
			t.Errorf("GET at %s: got %d, want 200", n.ID, resp.StatusCode)
		}
	}
}

// sessionsGatewayEnds kills the gateway of a session.
func sessionsGatewayEnds(t *testing.T, n1, n2 *kit.Node) {
	v := visits(t, n1, "/all/mcp?agent="+kit.Agent, "2025-11-25")
	stream := v.listens(n2, "")
	n1.Kill()
	for range stream { // Until its end.
	}
	body, _ := v.request(7, "tools/list", "")
	testkit.Eventually(t, "the session is gone", func() bool {
		resp := v.post(n2, body)
		return resp.StatusCode == http.StatusNotFound
	})
	left := visits(t, n2, v.path, v.revision)
	testkit.Eventually(t, "a session at the gateway that is left lists tools", func() bool { // It waits for a server that moves for two seconds.
		return strings.Contains(left.asks(n2, "tools/list", "", nil), "echo")
	})
}
