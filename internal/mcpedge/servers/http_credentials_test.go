package servers_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/mcpedge/servers"
)

// wallet has a credential after another, and hears how they were refused.
type wallet struct {
	mu      sync.Mutex
	headers []string
	heard   []string // "HEADER STATUS CHALLENGE"
	empty   error
}

func (w *wallet) Header(context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.headers) == 0 {
		return "", w.empty
	}
	return w.headers[0], nil
}

func (w *wallet) Refused(_ context.Context, header string, status int, challenges []string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, header+" "+http.StatusText(status)+" "+strings.Join(challenges, ","))
	if len(w.headers) == 0 || w.headers[0] != header {
		return false
	}
	w.headers = w.headers[1:]
	return true
}

// guarded refuses each header in its own way.
func guarded(t *testing.T) *odd {
	t.Helper()
	o := newOdd(t, nil)
	o.stateless = func(w http.ResponseWriter, r *http.Request, _ request) {
		switch r.Header.Get("Authorization") {
		case "narrow":
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="write"`)
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	return o
}

func TestCredentials_secondRefusal_isHeardToo(t *testing.T) {
	w := &wallet{headers: []string{"old", "narrow"}}
	if _, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: guarded(t).URL, Transport: servers.StreamableHTTP, Credentials: w}); err == nil {
		t.Fatal("got a session, want the server's refusal")
	}
	want := `narrow Forbidden Bearer error="insufficient_scope", scope="write"`
	if !slices.Contains(w.heard, want) {
		t.Errorf("heard %q, want %q among them", w.heard, want)
	}
}

func TestCredentials_noneInPlaceOfTheRefusedOne_saysWhy(t *testing.T) {
	w := &wallet{headers: []string{"old"}, empty: errors.New("cannot renew the login")}
	_, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: guarded(t).URL, Transport: servers.StreamableHTTP, Credentials: w})
	if err == nil || !strings.Contains(err.Error(), "cannot renew the login") {
		t.Errorf("got %v, want why there is no other credential", err)
	}
	if _, final := errors.AsType[*servers.Unauthorized](err); final {
		t.Errorf("got %v, want no word of other credentials: that may pass", err)
	}
}

// TestOpenHTTP_onlyStateless_whichWantsALogin has a server of 2026-07-28 refuse a
// client that has no token, and not know initialize.
func TestOpenHTTP_onlyStateless_whichWantsALogin(t *testing.T) {
	for _, kind := range []servers.Transport{servers.StreamableHTTP, servers.Auto} {
		o := newOdd(t, nil)
		o.stateless = func(w http.ResponseWriter, _ *http.Request, m request) {
			if m.Method == "server/discover" {
				w.Header().Set("WWW-Authenticate", `Bearer scope="notes"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fail(w, 400, `{"jsonrpc":"2.0","id":%s,%s}`, m.ID, notFound)
		}
		_, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: o.URL, Transport: kind})
		if got, ok := errors.AsType[*servers.Unauthorized](err); !ok || got.Status != 401 || got.Scope != "notes" {
			t.Errorf("%s: got %v, want that it wants credentials for notes", kind, err)
		}
	}
}
