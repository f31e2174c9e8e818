package peer_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
)

// A failure counts as what it says only if its status says the same; else, and if it says
// nothing, the status decides, and what it leaves open is that the call may have run.
func TestCall_failuresThatSayLittle_areJudgedByTheirStatus(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		sent   bool // the call may have run
	}{
		{"a failure that says that nothing was sent", 409, `{"kind":"not-ready"}`, false},
		{"the same under another status", 502, `{"kind":"not-ready"}`, true},
		{"a conflict without words", 409, ``, false},
		{"a conflict without a kind", 409, `{}`, false},
		{"too many requests, in words of a proxy", 429, `<html>`, false},
		{"a bad gateway, in words of a proxy", 502, `<html>`, true},
		{"a kind of a later version", 502, `{"kind":"new"}`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := answered(t, tc.status, tc.body).Call(t.Context(), call("c1"))
			if _, unsent := errors.AsType[*endpoint.NotWritten](err); unsent == tc.sent || err == nil {
				t.Errorf("got %v, that it was sent for sure or maybe %t, want %t", err, !unsent, tc.sent)
			}
		})
	}
}

// answered is a session with a gateway that takes each call and answers it so.
func answered(t *testing.T, status int, body string) *peer.Session {
	t.Helper()
	o := newOwner(t, testkit.Says(`{}`))
	whole := peer.NewServer(o.config()).HTTP().Handler
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			whole.ServeHTTP(w, r)
			return
		}
		if params, _ := io.ReadAll(r.Body); !strings.Contains(string(params), "write") {
			t.Errorf("got the call %s, want that of the tool write", params)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(gateway.Close)
	target := o.target()
	target.Address = gateway.Listener.Addr().String()
	return opened(t, o.client, target)
}

func TestServer_callWithoutMethodOrId_isBad(t *testing.T) {
	server := peer.NewServer(newOwner(t, testkit.Says(`{}`)).config()).HTTP().Handler
	for want, head := range map[string]map[string]string{
		"no method": {"Gatehouse-Epoch": "7"},
		"no epoch":  {"Gatehouse-Method": "tools/call"},
		"no call":   {"Gatehouse-Epoch": "7", "Gatehouse-Method": "tools/call"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, peer.PathOf("/peer/v1/servers/", theKey), strings.NewReader("null"))
		for name, value := range head {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", want, w.Code, w.Body)
		}
	}
}
