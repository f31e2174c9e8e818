package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// Caller calls a gateway tool. Its error means that no result came at all: a
// JSON-RPC error, a broken connection, the end of ctx.
type Caller interface {
	CallTool(ctx context.Context, name string, args any) (Result, error)
}

// Client is a real MCP client, mcp-go's.
type Client struct{ *client.Client }

// CallTool implements Caller.
func (c Client) CallTool(ctx context.Context, name string, args any) (Result, error) {
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments = name, args
	res, err := c.Client.CallTool(ctx, req)
	if err != nil {
		return Result{}, err
	}
	return fromMCP(res)
}

// HTTPClient connects mcp-go's client to the gateway over streamable HTTP,
// with the newest revision unless options say otherwise.
func (g *Gateway) HTTPClient(t testing.TB, options ...client.ClientOption) Client {
	t.Helper()
	tr, err := transport.NewStreamableHTTP(g.BaseURL(t) + "/mcp")
	check(t, err)
	return connect(t, tr, options)
}

// StdioClient connects mcp-go's client to the gateway's stdin and stdout. A
// gateway has one.
func (g *Gateway) StdioClient(t testing.TB, options ...client.ClientOption) Client {
	t.Helper()
	return connect(t, transport.NewIO(g.stdout.out, g.stdin, io.NopCloser(bytes.NewReader(nil))), options)
}

// CloseStdin ends the gateway's input.
func (g *Gateway) CloseStdin(t testing.TB) {
	t.Helper()
	check(t, g.stdin.Close())
}

// Stdin and Stdout are the bare ends of a gateway with Options.Stdio, for
// tests that are their own client.
func (g *Gateway) Stdin() io.WriteCloser { return g.stdin }

// Stdout returns what the gateway writes; each line has been judged as well.
func (g *Gateway) Stdout() io.Reader { return g.stdout.out }

func connect(t testing.TB, tr transport.Interface, options []client.ClientOption) Client {
	t.Helper()
	// By itself it takes a gateway that is slow to answer for one of an older protocol.
	c := client.NewClient(tr, append(options, client.WithDiscoverTimeout(Patience))...)
	check(t, c.Start(context.WithoutCancel(t.Context())))
	t.Cleanup(func() { _ = c.Close() }) // The gateway may be gone.
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	req := mcp.InitializeRequest{}
	req.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	req.Params.ClientInfo = mcp.Implementation{Name: "testkit", Version: "1"}
	_, err := c.Initialize(ctx, req)
	check(t, err)
	return Client{c}
}

// Raw opens a raw session with the gateway.
func (g *Gateway) Raw(t testing.TB) *Raw {
	t.Helper()
	return NewRaw(t, g.BaseURL(t)+"/mcp", "")
}

// Agent asks a gateway's tools under one agent id. An empty id sends none.
type Agent struct {
	ID     string
	Caller Caller
}

// Agent connects over HTTP by mcp-go's client.
func (g *Gateway) Agent(t testing.TB, id string) Agent {
	t.Helper()
	return Agent{ID: id, Caller: g.HTTPClient(t)}
}

// As is the same connection under another id.
func (a Agent) As(id string) Agent { return Agent{ID: id, Caller: a.Caller} }

// Try calls a gateway tool with the agent's id added to args. It may be used
// from any goroutine.
func (a Agent) Try(ctx context.Context, tool string, args map[string]any) (Result, error) {
	args = maps.Clone(args)
	if args == nil {
		args = map[string]any{}
	}
	if a.ID != "" {
		args["agent_id"] = a.ID
	}
	return a.Caller.CallTool(ctx, tool, args)
}

// TryExecute calls execute_tool. It may be used from any goroutine.
func (a Agent) TryExecute(ctx context.Context, server, tool string, args any) (Result, error) {
	m := map[string]any{"server": server, "tool": tool}
	if args != nil {
		m["args"] = args
	}
	return a.Try(ctx, "execute_tool", m)
}

// Call is Try on the test's own goroutine, within Patience.
func (a Agent) Call(t testing.TB, tool string, args map[string]any) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	r, err := a.Try(ctx, tool, args)
	if err != nil {
		t.Fatalf("%s %v: %v", tool, args, err)
	}
	return r
}

// Execute calls execute_tool; args may be nil, more overrides or adds
// arguments beside args.
func (a Agent) Execute(t testing.TB, server, tool string, args any, more ...map[string]any) Result {
	t.Helper()
	m := map[string]any{"server": server, "tool": tool}
	if args != nil {
		m["args"] = args
	}
	for _, extra := range more {
		maps.Copy(m, extra)
	}
	return a.Call(t, "execute_tool", m)
}

// Listed is one server in the answer of list_servers.
type Listed struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Tools       *int   `json:"tools"`
	State       string `json:"state"`
	Transport   string `json:"transport"`
	Command     string `json:"command"`
	URL         string `json:"url"`
}

// ListServers asks list_servers, with metadata.
func (a Agent) ListServers(t testing.TB) []Listed {
	t.Helper()
	r := a.Call(t, "list_servers", map[string]any{"include_metadata": true}).Good(t)
	var v struct{ Servers []Listed }
	check(t, json.Unmarshal(r.Structured, &v))
	return v.Servers
}

// ServerNames asks list_servers for the names alone, in the order given.
func (a Agent) ServerNames(t testing.TB) []string {
	t.Helper()
	names := []string{}
	for _, s := range a.ListServers(t) {
		names = append(names, s.Name)
	}
	return names
}

// Toolbox is the answer of get_server_tools.
type Toolbox struct {
	Server         string            `json:"server"`
	Tools          []json.RawMessage `json:"tools"`
	TotalAvailable int               `json:"total_available"`
	Matched        int               `json:"matched"`
	Returned       int               `json:"returned"`
	Omitted        []string          `json:"omitted"`
	NotFound       []string          `json:"not_found"`
	TokensUsed     int               `json:"tokens_used"`
	Instructions   string            `json:"instructions"`
}

// Names returns the names of the tools that came.
func (b Toolbox) Names() []string {
	names := []string{}
	for _, raw := range b.Tools {
		var v struct{ Name string }
		_ = json.Unmarshal(raw, &v) // A definition without a name shows as "".
		names = append(names, v.Name)
	}
	return names
}

// Tools asks get_server_tools; more adds arguments.
func (a Agent) Tools(t testing.TB, server string, more ...map[string]any) Toolbox {
	t.Helper()
	m := map[string]any{"server": server}
	for _, extra := range more {
		maps.Copy(m, extra)
	}
	r := a.Call(t, "get_server_tools", m).Good(t)
	var v Toolbox
	check(t, json.Unmarshal(r.Structured, &v))
	return v
}

// Pending is a call that runs in a goroutine of its own.
type Pending struct {
	what   string
	done   chan struct{}
	result Result
	err    error
}

// Go starts an execute_tool and gives it to wait for.
func (a Agent) Go(ctx context.Context, server, tool string, args any) *Pending {
	p := &Pending{what: fmt.Sprint(server, " ", tool, " ", args), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.result, p.err = a.TryExecute(ctx, server, tool, args)
	}()
	return p
}

// Wait waits for the result.
func (p *Pending) Wait(t testing.TB) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	select {
	case <-p.done:
	case <-ctx.Done():
		t.Fatalf("the call of %s still runs after %v, want it to end", p.what, Patience)
	}
	if p.err != nil {
		t.Fatalf("the call of %s ended with %v, want a result", p.what, p.err)
	}
	return p.result
}

// Done is closed when the call has ended.
func (p *Pending) Done() <-chan struct{} { return p.done }
