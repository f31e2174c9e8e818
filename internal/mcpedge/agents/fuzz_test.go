package agents_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// FuzzWebPage sends headers as a browser would, to a gateway on loopback: only
// a page from this machine, or one that the operator named, is let in, and only
// by a name of this machine.
func FuzzWebPage(f *testing.F) {
	f.Add("127.0.0.1:8000", "https://evil.example.com")
	f.Add("rebound.example.com", "")
	f.Add("localhost:1", "http://localhost.example.com")
	f.Add("[::1]:8000", "http://[::ffff:127.0.0.1]")
	f.Add("localhost", "null")
	f.Fuzz(func(t *testing.T, host, origin string) {
		edge := newEdge(t, newScript(), func(o *agents.Options) { o.AllowOrigins = []string{"https://app.example.com"} })
		r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		here := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8000}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, here))
		w := httptest.NewRecorder()
		edge.Handler().ServeHTTP(w, r)
		if w.Code == http.StatusForbidden {
			return
		}
		if !ofThisMachine(host) {
			t.Errorf("Host %q: got status %d, want 403", host, w.Code)
		}
		u, err := url.Parse(origin)
		own := origin == "" || err == nil && (ofThisMachine(u.Host) || strings.EqualFold(u.Host, host))
		if !own && !strings.EqualFold(strings.TrimRight(origin, "/"), "https://app.example.com") {
			t.Errorf("Origin %q at Host %q: got status %d, want 403", origin, host, w.Code)
		}
	})
}

// ofThisMachine reports whether a host, with a port or without, is loopback.
func ofThisMachine(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	ip, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
