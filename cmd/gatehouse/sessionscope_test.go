package main

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/testkit"
)

// humanUser answers what servers ask, under a name.
type humanUser string

func (u humanUser) ListRoots(context.Context, mcp.ListRootsRequest) (*mcp.ListRootsResult, error) {
	return &mcp.ListRootsResult{Roots: []mcp.Root{{URI: "file:///" + string(u), Name: string(u)}}}, nil
}

func (u humanUser) Elicit(context.Context, mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{Action: mcp.ElicitationResponseActionAccept, Content: map[string]any{"city": string(u)}}}, nil
}

func (u humanUser) CreateMessage(context.Context, mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	return &mcp.CreateMessageResult{SamplingMessage: mcp.SamplingMessage{Role: mcp.RoleAssistant, Content: mcp.NewTextContent("from " + string(u))}, Model: string(u)}, nil
}

// asUser makes a client of the older revisions that can be asked for everything.
func asUser(name string) []client.ClientOption {
	return []client.ClientOption{
		client.WithLegacyProtocolOnly(), client.WithRootsHandler(humanUser(name)),
		client.WithElicitationHandler(humanUser(name)), client.WithSamplingHandler(humanUser(name)),
	}
}

// questions are what a server asks in the middle of a call, and where the user's name
// is in the answer.
var questions = map[string]map[string]any{
	"roots/list":             {},
	"elicitation/create":     {"message": "Which city?", "requestedSchema": map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}},
	"sampling/createMessage": {"messages": []any{map[string]any{"role": "user", "content": map[string]any{"type": "text", "text": "hello"}}}, "maxTokens": 10},
}

func sessionServer(t *testing.T, args ...string) testkit.Entry {
	return testkit.Fake(t, append([]string{"--whole"}, args...)...).Settings("scope", "session")
}

// wantAnswers has a server ask its client for everything, and fails the test unless
// each answer is that user's.
func wantAnswers(t *testing.T, a testkit.Agent, name string) {
	t.Helper()
	for method, params := range questions {
		r := a.Execute(t, "s", "ask_client", map[string]any{"method": method, "params": params}).Good(t)
		if got := r.Field("result"); !strings.Contains(got, name) {
			t.Errorf("%s: the server is answered %s (%s), want the answer of %q", method, got, r.Field("error"), name)
		}
	}
}

func TestScopeSession_overHTTP_eachSessionIsAskedByItsOwnServer(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{"s": sessionServer(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick, Race: true})
	anna := testkit.Agent{ID: "a", Caller: g.HTTPClient(t, asUser("anna")...)}
	bert := testkit.Agent{ID: "a", Caller: g.HTTPClient(t, asUser("bert")...)}
	first, second := pidOf(t, anna, "s"), pidOf(t, bert, "s")
	if first == second {
		t.Errorf("both sessions are served by process %d, want two", first)
	}
	wantAnswers(t, anna, "anna")
	wantAnswers(t, bert, "bert")
}

func TestScopeSession_overStdio(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g := overStdio(t, testkit.Options{
		Servers: testkit.Servers{"s": sessionServer(t, "--record", record, "--record-all")}.JSON(), Rules: testkit.AllowAll("a"), Args: quick,
	})
	c := g.StdioClient(t, asUser("anna")...)
	a := testkit.Agent{ID: "a", Caller: c}
	wantAnswers(t, a, "anna")
	if got := a.Execute(t, "s", "ask_client", map[string]any{"method": "roots/list"}).Good(t).Field("client"); !strings.Contains(got, `"roots"`) || !strings.Contains(got, `"2025-11-25"`) {
		t.Errorf("the server was told %s, want the capabilities and the revision of the client", got)
	}
	if err := c.RootListChanges(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the server hears of the change", func() bool {
		return slices.ContainsFunc(testkit.Methods(testkit.Record(t, record)), func(run []string) bool { return slices.Contains(run, "notifications/roots/list_changed") })
	})
}

// A client of 2026-07-28 over stdio has a session without a handshake: its server, of an
// older revision, hears what it declares with its calls, and asks it by their answers.
func TestScopeSession_overStdio_aClientOf20260728_isAskedByTheAnswersToItsCalls(t *testing.T) {
	t.Parallel()
	g := overStdio(t, testkit.Options{Servers: testkit.Servers{"s": sessionServer(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick, Race: true})
	in, out := g.Stdin(), bufio.NewScanner(g.Stdout())
	out.Buffer(nil, 1<<20)
	type reply struct {
		ID     int
		Result struct {
			ResultType, RequestState string
			InputRequests            map[string]struct{ Method string }
			StructuredContent        json.RawMessage
		}
	}
	id := 0
	call := func(more map[string]any, method string) (r reply) {
		t.Helper()
		id++
		params := map[string]any{
			"name": "execute_tool", "arguments": map[string]any{"agent_id": "a", "server": "s", "tool": "ask_client", "args": map[string]any{"method": method, "params": questions[method]}},
			"_meta": map[string]any{
				mcp.MetaKeyProtocolVersion: mcp.ProtocolVersion20260728, mcp.MetaKeyClientInfo: map[string]any{"name": "t", "version": "1"},
				mcp.MetaKeyClientCapabilities: map[string]any{"elicitation": map[string]any{"form": map[string]any{}}, "roots": map[string]any{}, "sampling": map[string]any{}},
			},
		}
		maps.Copy(params, more)
		body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(body, '\n')); err != nil || !out.Scan() {
			t.Fatalf("%s: %v %v, want an answer", method, err, out.Err())
		}
		if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.ID != id {
			t.Fatalf("%s: got %s %v, want the answer to request %d", method, out.Bytes(), err, id)
		}
		return r
	}
	for method := range questions {
		asked := call(nil, method).Result
		var key string
		for k, request := range asked.InputRequests {
			key = k
			if request.Method != method {
				t.Errorf("asked for %s, want %s", request.Method, method)
			}
		}
		if asked.ResultType != "input_required" || asked.RequestState == "" {
			t.Fatalf("%s: got %+v, want a question", method, asked)
		}
		done := call(map[string]any{"requestState": asked.RequestState, "inputResponses": map[string]any{key: map[string]any{"from": "anna"}}}, method).Result
		if got := string(done.StructuredContent); !strings.Contains(got, `{"from":"anna"}`) || !strings.Contains(got, `"elicitation":{"form":{}}`) {
			t.Errorf("%s: got %s, want what the client has answered, and what it has declared", method, got)
		}
	}
}

func TestScopeSession_whatAClientDidNotDeclare_itIsNotAskedFor(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{"s": sessionServer(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	r := a.Execute(t, "s", "ask_client", map[string]any{"method": "elicitation/create"}).Good(t)
	if got := r.Field("error"); !strings.Contains(got, "-32601") {
		t.Errorf("the server is answered %s, want -32601", got)
	}
	if got := r.Field("client"); strings.Contains(got, "elicitation") {
		t.Errorf("the server was told %s, want no elicitation", got)
	}
}

func TestScopeSession_endsWithTheSession(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{"s": sessionServer(t).Settings("max_instances", 1)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick, Race: true})
	raw := g.Raw(t)
	a := testkit.Agent{ID: "a", Caller: raw}
	first := pidOf(t, a, "s")
	other := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	other.Execute(t, "s", "echo", nil).Failed(t, "SERVER_UNAVAILABLE")
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodDelete, raw.URL, http.NoBody)
	req.Header.Set("Mcp-Session-Id", raw.Session)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	testkit.Gone(t, first)
	testkit.Eventually(t, "another session has room", func() bool { return !other.Execute(t, "s", "echo", nil).IsError })
}

func TestScopeSession_withoutASession_isRefused(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{"s": sessionServer(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick})
	r, err := g.RawStateless(t, "{}").CallTool(t.Context(), "execute_tool", map[string]any{"agent_id": "a", "server": "s", "tool": "echo"})
	if err != nil {
		t.Fatal(err)
	}
	if e := r.Failed(t, "SERVER_UNAVAILABLE"); !strings.Contains(e.Message, "gateway.scope") {
		t.Errorf("the message is %q, want gateway.scope in it", e.Message)
	}
	lists, err := g.RawStateless(t, "{}").CallTool(t.Context(), "get_server_tools", map[string]any{"agent_id": "a", "server": "s"})
	if err != nil {
		t.Fatal(err)
	}
	lists.Failed(t, "SERVER_UNAVAILABLE")
}

// A client hears of its own server's that something is done which a user was asked to
// do elsewhere, and of nothing that it declared nothing of.
func TestScopeSession_theEndOfAnElicitation_isPassedOn(t *testing.T) {
	t.Parallel()
	const done = "notifications/elicitation/complete"
	options := testkit.Options{Servers: testkit.Servers{"s": sessionServer(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick}
	stdio := options
	stdio.Stdio = true
	g := testkit.StartGateway(t, options)
	for name, c := range map[string]testkit.Client{"http": g.HTTPClient(t, asUser("anna")...), "stdio": testkit.StartGateway(t, stdio).StdioClient(t, asUser("anna")...)} {
		heard := make(chan mcp.JSONRPCNotification, 10)
		c.OnNotification(func(n mcp.JSONRPCNotification) {
			if strings.HasPrefix(n.Method, "notifications/elicitation") {
				heard <- n
			}
		})
		a := testkit.Agent{ID: "a", Caller: c}
		for _, method := range []string{"notifications/elicitation/other", done} {
			a.Execute(t, "s", "tell_client", map[string]any{"method": method, "params": map[string]any{"elicitationId": "e-1"}}).Good(t)
		}
		testkit.Eventually(t, "the client hears of it", func() bool { return len(heard) > 0 })
		n := <-heard
		if got := n.Params.AdditionalFields["elicitationId"]; n.Method != done || got != "e-1" {
			t.Errorf("%s: the client hears %s of %v, want %s of e-1", name, n.Method, got, done)
		}
	}
	raw := g.Raw(t)
	reply, err := raw.Post(t.Context(), []byte(`{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"execute_tool","arguments":{"agent_id":"a","server":"s","tool":"tell_client","arguments":{"method":"`+done+`","params":{}}}}}`))
	if err != nil || len(reply.Message) == 0 || len(reply.Notifications) > 0 {
		t.Errorf("who declared no elicitation hears %s and %s (%v), want the result alone", reply.Notifications, reply.Message, err)
	}
}

// A client answers questions that nobody asked it, those of another session and its
// own twice.
func TestScopeSession_forgedAnswers_areDropped(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{"s": sessionServer(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick})
	raw := g.Raw(t)
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":"gatehouse-1","result":{}}`, `{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","id":"ask-1","result":{"roots":[]}}`, `{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"no"}}`,
	} {
		reply, err := raw.Post(t.Context(), []byte(body))
		if err != nil || reply.Status != http.StatusAccepted || len(reply.Message) > 0 {
			t.Errorf("%s is answered %d %s (%v), want 202 and nothing", body, reply.Status, reply.Message, err)
		}
	}
	if st, _ := statusOf(t, g, "s"); st.StrayAnswers != 4 {
		t.Errorf("status counts %d answers that nobody waits for, want 4", st.StrayAnswers)
	}
}

// A server of 2026-07-28 that all share asks clients of older revisions.
func TestBridge_anOlderClientIsAsked_overHTTPAndStdio(t *testing.T) {
	t.Parallel()
	options := testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t, "--era", "stateless")}.JSON(), Rules: testkit.AllowAll("a"), Args: quick,
	}
	stdio := options
	stdio.Stdio = true
	for name, c := range map[string]testkit.Client{
		"http":  testkit.StartGateway(t, options).HTTPClient(t, asUser("anna")...),
		"stdio": testkit.StartGateway(t, stdio).StdioClient(t, asUser("anna")...),
	} {
		a := testkit.Agent{ID: "a", Caller: c}
		r := a.Execute(t, "s", "ask", nil).Good(t)
		if !strings.Contains(r.Text, "anna") || r.Field("state") != "state of a call" {
			t.Errorf("%s: got %s with the state %q, want the answer of anna and the state", name, r.Text, r.Field("state"))
		}
	}
}

// On the surface of one server its own process is there from initialize on, and is
// told what the client that opens the session can be asked for.
func TestScopeSession_onOneServer(t *testing.T) {
	t.Parallel()
	options := testkit.Options{Servers: testkit.Servers{"s": sessionServer(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick}
	g := testkit.StartGateway(t, options)
	tr, err := transport.NewStreamableHTTP(g.BaseURL(t) + "/servers/s/mcp?agent=a")
	if err != nil {
		t.Fatal(err)
	}
	options.Stdio, options.Args = true, append([]string{"--surface", "server:s", "--agent", "a"}, quick...)
	stdio := testkit.StartGateway(t, options)
	for name, c := range map[string]*client.Client{"http": openOlder(t, tr), "stdio": stdio.StdioClient(t, asUser("anna")...).Client} {
		req := mcp.CallToolRequest{}
		req.Params.Name, req.Params.Arguments = "ask_client", map[string]any{"method": "roots/list"}
		res, err := c.CallTool(t.Context(), req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		said, _ := json.Marshal(res.StructuredContent)
		if !strings.Contains(string(said), "file:///anna") || !strings.Contains(string(said), `"elicitation"`) {
			t.Errorf("%s: the server returns %s, want the roots and the capabilities of anna", name, said)
		}
	}
	st, _ := statusOf(t, g, "s")
	if n := len(st.Servers); n != 2 {
		t.Errorf("status shows %d servers, want the entry and one instance: %+v", n, st.Servers)
	}
}

// openOlder opens a session of anna.
func openOlder(t *testing.T, tr transport.Interface) *client.Client {
	t.Helper()
	c := client.NewClient(tr, asUser("anna")...)
	if err := c.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // The gateway may be gone.
	req := mcp.InitializeRequest{}
	req.Params.ProtocolVersion, req.Params.ClientInfo = mcp.LATEST_PROTOCOL_VERSION, mcp.Implementation{Name: "anna", Version: "1"}
	if _, err := c.Initialize(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	return c
}
