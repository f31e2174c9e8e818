package testkit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// Raw is a bare MCP client over streamable HTTP that shows every byte. Its
// methods may be called from any goroutine.
type Raw struct {
	URL      string
	Protocol string // the negotiated revision
	Session  string
	Token    string // sent as a bearer token unless empty

	http    *http.Client
	headers map[string]string // more of them
	next    atomic.Int64
}

// NewRaw opens a session with the endpoint, asking for a revision ("" is
// 2025-11-25).
func NewRaw(t testing.TB, url, revision string) *Raw {
	t.Helper()
	return NewRawAs(t, url, revision, "")
}

// NewRawAs is NewRaw with a bearer token.
func NewRawAs(t testing.TB, url, revision, token string) *Raw {
	t.Helper()
	if revision == "" {
		revision = "2025-11-25"
	}
	tr := &http.Transport{MaxIdleConnsPerHost: 256}
	r := &Raw{URL: url, Token: token, http: &http.Client{Transport: tr}}
	t.Cleanup(tr.CloseIdleConnections)
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"testkit-raw","version":"1"}}}`, revision)
	reply, err := r.Post(ctx, []byte(body))
	check(t, err)
	var v struct {
		Result struct{ ProtocolVersion string }
	}
	check(t, json.Unmarshal(reply.Message, &v))
	if v.Result.ProtocolVersion == "" {
		t.Fatalf("initialize: status %d: %s, want a version", reply.Status, reply.Message)
	}
	r.Protocol, r.Session = v.Result.ProtocolVersion, reply.Header.Get("Mcp-Session-Id")
	_, err = r.Post(ctx, []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	check(t, err)
	return r
}

// Reply is what came for one POST.
type Reply struct {
	Status        int
	Header        http.Header
	Message       json.RawMessage   // the last message of the answer: the response
	Notifications []json.RawMessage // what came before it
}

// Post sends one body as it is.
func (r *Raw) Post(ctx context.Context, body []byte) (Reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return Reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Session != "" {
		req.Header.Set("Mcp-Session-Id", r.Session)
	}
	if r.Protocol != "" {
		req.Header.Set("Mcp-Protocol-Version", r.Protocol)
	}
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	resp, err := cmp.Or(r.http, http.DefaultClient).Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	reply := Reply{Status: resp.StatusCode, Header: resp.Header}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		err = reply.readEvents(resp.Body)
	} else {
		reply.Message, err = io.ReadAll(resp.Body)
	}
	return reply, err
}

// readEvents takes server-sent events up to the response.
func (p *Reply) readEvents(body io.Reader) error {
	br := bufio.NewReaderSize(body, 1<<16)
	for {
		line, err := br.ReadBytes('\n')
		if data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data:")); ok {
			msg := json.RawMessage(bytes.TrimSpace(data))
			var m struct {
				Method string
				ID     json.RawMessage
			}
			if json.Unmarshal(msg, &m) == nil && m.Method != "" {
				p.Notifications = append(p.Notifications, msg)
			} else if len(msg) > 0 {
				p.Message = msg
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Request sends a request with params as they are and gives the reply; its
// Message is the whole JSON-RPC response.
func (r *Raw) Request(ctx context.Context, method string, params json.RawMessage) (Reply, error) {
	if params == nil {
		params = json.RawMessage("{}")
	}
	body := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, r.next.Add(1), method, params)
	return r.Post(ctx, body)
}

// CallTool calls a gateway tool; args is marshalled unless it is raw JSON.
func (r *Raw) CallTool(ctx context.Context, name string, args any) (Result, error) {
	raw, ok := args.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(args); err != nil {
			return Result{}, err
		}
	}
	params := fmt.Appendf(nil, `{"name":%q,"arguments":%s}`, name, raw)
	reply, err := r.Request(ctx, "tools/call", params)
	if err != nil {
		return Result{}, err
	}
	var v struct {
		Result json.RawMessage
		Error  json.RawMessage
	}
	if err := json.Unmarshal(reply.Message, &v); err != nil {
		return Result{}, fmt.Errorf("status %d: %w: %q", reply.Status, err, reply.Message)
	}
	if v.Result == nil {
		return Result{}, fmt.Errorf("status %d: JSON-RPC error %s", reply.Status, v.Error)
	}
	return fromRaw(v.Result)
}
