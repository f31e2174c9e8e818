//go:build unix

package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/testkit"
	"gatehouse/testkit/browser"
)

// somebody is the user of a client: they answer what servers ask.
type somebody struct {
	mu   sync.Mutex
	root string
}

func (s *somebody) ListRoots(context.Context, mcp.ListRootsRequest) (*mcp.ListRootsResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &mcp.ListRootsResult{Roots: []mcp.Root{{URI: "file://" + s.root, Name: "root"}}}, nil
}

func (s *somebody) Elicit(context.Context, mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{Action: mcp.ElicitationResponseActionAccept, Content: map[string]any{"name": "Ada Lovelace"}}}, nil
}

func (s *somebody) CreateMessage(context.Context, mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	return &mcp.CreateMessageResult{SamplingMessage: mcp.SamplingMessage{Role: mcp.RoleAssistant, Content: mcp.NewTextContent("a model of the client")}, Model: "none"}, nil
}

func (s *somebody) options() []client.ClientOption {
	return []client.ClientOption{
		client.WithLegacyProtocolOnly(), client.WithRootsHandler(s), client.WithElicitationHandler(s), client.WithSamplingHandler(s),
	}
}

func scoped(t *testing.T, transport, scope string, servers testkit.Servers, agents ...string) *testkit.Gateway {
	t.Helper()
	for name, entry := range servers {
		servers[name] = entry.Settings("scope", scope)
	}
	return testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll(agents...), Env: []string{testkit.Built(t)},
		Stdio: transport != byHTTP, Attach: transport == byAttach,
	})
}

func TestScope_filesystemFollowsTheRootsOfItsClient(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()
	who := &somebody{root: first}
	g := scoped(t, byAttach, "session", testkit.Servers{"files": fromNPM(t, "mcp-server-filesystem")}, "agent")
	c := g.StdioClient(t, who.options()...)
	allowed := func() string {
		res, err := (testkit.Agent{ID: "agent", Caller: c}).TryExecute(t.Context(), "files", "list_allowed_directories", nil)
		if err != nil {
			return ""
		}
		return res.Text
	}
	testkit.Eventually(t, "the roots of the client are allowed", func() bool { return strings.Contains(allowed(), first) })
	path := filepath.Join(first, "note.txt")
	call(t, c, "files", "write_file", map[string]any{"path": path, "content": "a"})
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is not there: %v, want it written", err)
	}
	who.mu.Lock()
	who.root = second
	who.mu.Unlock()
	if err := c.RootListChanges(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "other roots are allowed", func() bool { return strings.Contains(allowed(), second) && !strings.Contains(allowed(), first) })
}

func TestScope_memoryIsEachAgentsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := scoped(t, byHTTP, "agent", testkit.Servers{
		"memory": fromNPM(t, "mcp-server-memory").With("env", map[string]string{"MEMORY_FILE_PATH": filepath.Join(dir, "${agent}.jsonl")}),
	}, "a", "b")
	a := testkit.Agent{ID: "a", Caller: g.HTTPClient(t)}
	a.Execute(t, "memory", "create_entities", map[string]any{"entities": []any{map[string]any{"name": "Ada", "entityType": "person", "observations": []string{}}}}).Good(t)
	if got := a.Execute(t, "memory", "read_graph", nil).Good(t).Text; !strings.Contains(got, "Ada") {
		t.Errorf("a remembers %s, want Ada", got)
	}
	if got := a.As("b").Execute(t, "memory", "read_graph", nil).Good(t).Text; strings.Contains(got, "Ada") {
		t.Errorf("b remembers %s, want nothing of a's", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "a.jsonl")); err != nil {
		t.Errorf("the file of a: %v, want it there", err)
	}
}

func TestScope_everythingAsksItsClient(t *testing.T) {
	t.Parallel()
	for _, name := range []string{byHTTP, byStdio, byAttach} {
		g := scoped(t, name, "session", testkit.Servers{"everything": fromNPM(t, "mcp-server-everything", "stdio")}, "agent")
		who := &somebody{root: t.TempDir()}
		var c testkit.Client
		if name != byHTTP {
			c = g.StdioClient(t, who.options()...)
		} else {
			c = g.HTTPClient(t, who.options()...)
		}
		hasTools(t, c, "everything", "trigger-sampling-request", "trigger-elicitation-request")
		if got := text(call(t, c, "everything", "trigger-sampling-request", map[string]any{"prompt": "hello", "maxTokens": 10})); !strings.Contains(got, "a model of the client") {
			t.Errorf("%s: sampling returns %s, want what the client's model says", name, got)
		}
		if got := text(call(t, c, "everything", "trigger-elicitation-request", map[string]any{})); !strings.Contains(got, "Ada Lovelace") {
			t.Errorf("%s: elicitation returns %s, want what the user says", name, got)
		}
	}
}

func TestScope_sessionsOfABrowserDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	chromium, env := browser.Chromium(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>page of " + r.URL.Path[1:] + "</title><p>hello"))
	}))
	t.Cleanup(site.Close)
	entry := fromNPM(t, "playwright-mcp", "--headless", "--isolated", "--no-sandbox", "--executable-path", chromium)
	variables := map[string]string{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		variables[name] = value
	}
	g := scoped(t, byHTTP, "session", testkit.Servers{"browser": entry.With("env", variables)}, "agent")
	clients := map[string]testkit.Client{}
	for _, name := range []string{"anna", "bert"} {
		clients[name] = g.HTTPClient(t, client.WithLegacyProtocolOnly())
		mustContain(t, call(t, clients[name], "browser", "browser_navigate", map[string]any{"url": site.URL + "/" + name}), "page of "+name)
	}
	for name, c := range clients {
		got := text(call(t, c, "browser", "browser_tabs", map[string]any{"action": "list"}))
		if other := map[string]string{"anna": "bert", "bert": "anna"}[name]; !strings.Contains(got, "/"+name) || strings.Contains(got, "/"+other) {
			t.Errorf("the browser of %s has the tabs %s, want its own page alone", name, got)
		}
	}
}
