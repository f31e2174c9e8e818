package agents_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// quick is a handler that answers at once.
type quick struct {
	*script

	result []byte
}

func (q quick) CallTool(_ context.Context, _ agents.Caller, _ agents.ToolCall, dst []byte) ([]byte, bool) {
	return append(dst, q.result...), true
}

func benchEdge(b *testing.B, size int) *agents.Edge {
	b.Helper()
	text, err := json.Marshal(strings.Repeat("x", size))
	if err != nil {
		b.Fatal(err)
	}
	e := agents.New(quick{newScript(), fmt.Appendf(nil, `{"content":[{"type":"text","text":%s}]}`, text)}, agents.Options{})
	b.Cleanup(e.Close)
	return e
}

// calls are a plain call, and one that the quick reading leaves to the other.
var benchCalls = map[string]string{
	"plain": `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"server":"a","tool":"b","args":{"x":1}}}}`,
	"odd":   `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","vendor":1,"arguments":{"server":"a","tool":"b","args":{"x":1}}}}`,
}

// BenchmarkHTTP is a POST without a network: what the edge adds to net/http.
func BenchmarkHTTP(b *testing.B) {
	for name, body := range benchCalls {
		for _, size := range []int{64, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", name, size), func(b *testing.B) {
				h := benchEdge(b, size).Handler()
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/mcp", strings.NewReader(body))
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Accept", "application/json, text/event-stream")
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					if w.Code != http.StatusOK {
						b.Fatalf("got %d %.200s, want %d", w.Code, w.Body, http.StatusOK)
					}
				}
			})
		}
	}
}

// BenchmarkStdio is a call and its answer over pipes in this process.
func BenchmarkStdio(b *testing.B) {
	for name, body := range benchCalls {
		for _, size := range []int{64, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", name, size), func(b *testing.B) {
				in, inW := io.Pipe()
				out, outW := io.Pipe()
				done := make(chan error, 1)
				go func() { done <- benchEdge(b, size).ServeStdio(context.Background(), in, outW) }()
				lines := bufio.NewReaderSize(out, 1<<20)
				line := []byte(body + "\n")
				b.ReportAllocs()
				for b.Loop() {
					if _, err := inW.Write(line); err != nil {
						b.Fatal(err)
					}
					if _, err := lines.ReadSlice('\n'); err != nil {
						b.Fatal(err)
					}
				}
				inW.Close()
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// still is a surface whose calls have always the same answer.
type still struct{ place }

func (still) Serve(_ context.Context, _ agents.Caller, _ agents.Request, dst []byte) ([]byte, *agents.Error) {
	return append(dst, `{"content":[]}`...), nil
}

// BenchmarkHTTP_surface is a POST to a surface, within a session, whose streams can
// be taken up again, and without one.
func BenchmarkHTTP_surface(b *testing.B) {
	for name, session := range map[string]bool{"session": true, "none": false} {
		b.Run(name, func(b *testing.B) {
			h := agents.New(newScript(), agents.Options{}).HandlerAt(func(*http.Request) agents.Surface { return still{} }, "/mcp")
			send := func(body, id string) *httptest.ResponseRecorder {
				r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/mcp", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "application/json, text/event-stream")
				if id != "" {
					r.Header.Set("Mcp-Session-Id", id)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("got %d %.200s, want %d", w.Code, w.Body, http.StatusOK)
				}
				return w
			}
			id := ""
			if session {
				id = send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`, "").Header().Get("Mcp-Session-Id")
			}
			b.ReportAllocs()
			for b.Loop() {
				send(benchCalls["plain"], id)
			}
		})
	}
}
