package agents_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
)

// byHeader lets in whoever names itself, as that credential.
func byHeader(o *agents.Options) {
	o.Authorize = func(w http.ResponseWriter, r *http.Request) (*identity.Caller, bool) {
		who := r.Header.Get("Authorization")
		if who == "" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return nil, false
		}
		return &identity.Caller{Credential: who}, true
	}
}

const initialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`

func TestAuthorize_session_belongsToItsCredentialAlsoAfterARestart(t *testing.T) {
	h := newScript()
	url := serveHTTP(t, newEdge(t, h, byHeader)).URL
	opened := post(t, url, initialize, "Authorization", "alice")
	session := opened.header.Get("Mcp-Session-Id")
	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	restarted := serveHTTP(t, newEdge(t, newScript(), byHeader)).URL
	for _, where := range []string{url, restarted} {
		for who, want := range map[string]int{"alice": http.StatusOK, "bob": http.StatusNotFound, "Alice": http.StatusNotFound, "": http.StatusUnauthorized} {
			if got := post(t, where, ping, "Authorization", who, "Mcp-Session-Id", session); got.status != want {
				t.Errorf("%q: got status %d, want %d", who, got.status, want)
			}
		}
	}
}

func TestAuthorize_cancellation_ofSomebodyElsesCall_isNotHeard(t *testing.T) {
	h := newScript()
	url := serveHTTP(t, newEdge(t, h, byHeader)).URL
	session := post(t, url, initialize, "Authorization", "alice").header.Get("Mcp-Session-Id")
	done := make(chan response, 1)
	go func() {
		r, _ := send(request(t.Context(), http.MethodPost, url, call("7", "block", `{}`), "Authorization", "alice", "Mcp-Session-Id", session))
		done <- r
	}()
	receive(t, h.started)
	const cancel = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`
	if got := post(t, url, cancel, "Authorization", "bob", "Mcp-Session-Id", session); got.status != http.StatusNotFound {
		t.Errorf("got status %d, want %d", got.status, http.StatusNotFound)
	}
	close(h.release)
	if got := receive(t, done); got.status != http.StatusOK || !strings.Contains(got.body, "released") {
		t.Errorf("got status %d: %s, want %d and released", got.status, got.body, http.StatusOK)
	}
}
