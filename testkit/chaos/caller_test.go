//go:build linux

package chaos_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// connection is an MCP session over HTTP that reads every answer to its very
// end, so that it can count.
type connection struct {
	url     string
	session string
	http    *http.Client
}

// dial opens a session.
func dial(ctx context.Context, url string, client *http.Client) (*connection, error) {
	c := &connection{url: url, http: client}
	_, header, err := c.post(ctx, map[string]any{"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": map[string]any{
		"protocolVersion": "2025-11-25", "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "chaos", "version": "1"},
	}})
	if err != nil {
		return nil, err
	}
	c.session = header.Get("Mcp-Session-Id")
	_, _, err = c.post(ctx, map[string]any{"jsonrpc": "2.0", "method": "notifications/initialized"})
	return c, err
}

// envelope is any JSON-RPC message.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Result *toolResult     `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// toolResult is what the judge wants to know of a result.
type toolResult struct {
	IsError    bool            `json:"isError"`
	Structured json.RawMessage `json:"structuredContent"`
	Meta       struct {
		Generation int    `json:"io.gatehouse/generation"`
		CallID     string `json:"io.gatehouse/call_id"`
		Tag        string `json:"fake/tag"`
		PID        int    `json:"fake/pid"`
	} `json:"_meta"`
}

// failure is structuredContent.error.
type failure struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	State      string `json:"state"`
	MayHaveRun bool   `json:"may_have_run"`
	Generation int    `json:"generation"`
	CallID     string `json:"call_id"`
}

// post sends one message and gives all messages of the reply, read to its end.
func (c *connection) post(ctx context.Context, message any) ([]envelope, http.Header, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	if c.session != "" {
		req.Header.Set("Mcp-Session-Id", c.session)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	got, err := messages(resp)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return got, resp.Header, err
}

// messages reads a JSON body or a stream of events.
func messages(resp *http.Response) ([]envelope, error) {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		body, err := io.ReadAll(resp.Body)
		if err != nil || len(bytes.TrimSpace(body)) == 0 {
			return nil, err
		}
		var e envelope
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("status %s: no message: %q", resp.Status, body[:min(len(body), 200)])
		}
		return []envelope{e}, nil
	}
	var got []envelope
	br := bufio.NewReaderSize(resp.Body, 1<<16)
	for {
		line, err := br.ReadBytes('\n')
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok && len(bytes.TrimSpace(data)) > 0 {
			var e envelope
			if err := json.Unmarshal(data, &e); err != nil {
				return got, fmt.Errorf("no message in an event: %w", err)
			}
			got = append(got, e)
		}
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
	}
}

// execute calls execute_tool under a JSON-RPC id.
func (c *connection) execute(ctx context.Context, id, agent, server, tool string, args map[string]any, timeoutMS int) ([]envelope, error) {
	arguments := map[string]any{"agent_id": agent, "server": server, "tool": tool, "args": args}
	if timeoutMS > 0 {
		arguments["timeout_ms"] = timeoutMS
	}
	got, _, err := c.post(ctx, map[string]any{
		"jsonrpc": "2.0", "id": id, "method": "tools/call",
		"params": map[string]any{"name": "execute_tool", "arguments": arguments},
	})
	return got, err
}

// cancel tells the gateway that nobody wants the answer any more.
func (c *connection) cancel(ctx context.Context, id string) error {
	_, _, err := c.post(ctx, map[string]any{
		"jsonrpc": "2.0", "method": "notifications/cancelled",
		"params": map[string]any{"requestId": id, "reason": "chaos"},
	})
	return err
}

// seesServers reports whether list_servers shows an agent any server.
func (c *connection) seesServers(ctx context.Context, agent string) bool {
	got, _, err := c.post(ctx, map[string]any{
		"jsonrpc": "2.0", "id": "list", "method": "tools/call",
		"params": map[string]any{"name": "list_servers", "arguments": map[string]any{"agent_id": agent}},
	})
	if err != nil || len(got) != 1 || got[0].Result == nil || got[0].Result.IsError {
		return false
	}
	var list struct{ Servers []json.RawMessage }
	return json.Unmarshal(got[0].Result.Structured, &list) == nil && len(list.Servers) > 0
}
