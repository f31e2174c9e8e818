//go:build unix

package e2e_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/testkit"
)

// mcpGo takes the steps of testdata/clients/steps.mjs by mcp-go's client.
func mcpGo(t *testing.T, revision string, to target) (r report) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	c, heard := mcpGoClient(t, to, revision)
	defer func() { _ = c.Close() }()
	hello := mcp.InitializeRequest{}
	hello.Params.ProtocolVersion = revision
	hello.Params.ClientInfo = mcp.Implementation{Name: "mcp-go", Version: "1"}
	greeting, err := c.Initialize(ctx, hello)
	if err != nil {
		t.Fatal(err)
	}
	r.Revision = greeting.ProtocolVersion

	list, err := c.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range list.Tools {
		r.Tools = append(r.Tools, tool.Name)
	}
	agent := testkit.Agent{ID: "agent", Caller: c}
	r.Servers = agent.ServerNames(t)
	r.ServerTools = agent.Tools(t, "fake").Names()
	echo := agent.Execute(t, "fake", "echo", map[string]any{
		"text": "h\u00e9llo \u2603", "list": []any{1, map[string]any{"two": nil}},
	})
	if err := json.Unmarshal(echo.Structured, &r.Echo); err != nil {
		t.Fatal(err)
	}
	r.Progress, r.Cancelled = mcpGoCancelled(ctx, t, c, heard)
	r.Refused = agent.Execute(t, "nowhere", "echo", nil).Code()
	awaitCancelled(t, to)
	return r
}

// mcpGoClient returns a client that still has to introduce itself and to be
// closed, and the progress that it hears.
func mcpGoClient(t *testing.T, to target, revision string) (testkit.Client, <-chan float64) {
	t.Helper()
	var tr transport.Interface
	var err error
	if to.url != "" {
		tr, err = transport.NewStreamableHTTP(to.url)
	} else {
		tr = transport.NewStdio(to.command[0], []string{"HOME=" + t.TempDir()}, to.command[1:]...)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(tr, client.WithProtocolVersion(revision))
	if err := c.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	heard := make(chan float64, 1024)
	c.OnNotification(func(n mcp.JSONRPCNotification) {
		if progress, ok := n.Params.AdditionalFields["progress"].(float64); ok {
			heard <- progress
		}
	})
	return testkit.Client{Client: c}, heard
}

// mcpGoCancelled starts a call that would take more than half an hour, and
// cancels it when three notifications of its progress have come.
func mcpGoCancelled(ctx context.Context, t *testing.T, c testkit.Client, heard <-chan float64) (progress []float64, cancelled bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req := mcp.CallToolRequest{}
	req.Params.Name = "execute_tool"
	req.Params.Arguments = map[string]any{
		"agent_id": "agent", "server": "fake", "tool": "progress",
		"args": map[string]any{"n": 100_000, "ms": 20, "id": "cancel me"},
	}
	req.Params.Meta = &mcp.Meta{ProgressToken: "mine"}
	done := make(chan error, 1)
	go func() {
		_, err := c.Client.CallTool(ctx, req)
		done <- err
	}()
	for len(progress) < 3 {
		select {
		case p := <-heard:
			progress = append(progress, p)
		case err := <-done:
			t.Errorf("the call must not end by itself: %v", err)
			return progress, false
		}
	}
	cancel()
	return progress, <-done != nil // Not always context.Canceled, over HTTP.
}
