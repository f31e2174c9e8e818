package peer_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
)

func TestLogs_comeFromTheGatewayThatIsAsked(t *testing.T) {
	var asked peer.LogQuery
	want := []json.RawMessage{json.RawMessage(`{"msg":"one"}`), json.RawMessage(`{"msg":"two"}`)}
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) {
		o.logs = func(q peer.LogQuery) []json.RawMessage {
			asked = q
			return want
		}
	})
	q := peer.LogQuery{Server: "a/b@c %", Level: slog.LevelWarn, N: 7}
	got, err := reached(t, func() ([]json.RawMessage, error) { return o.client.Logs(t.Context(), o.proxy.Addr(), q) })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got %v, -want +got:\n%s", err, diff)
	}
	if asked != q {
		t.Errorf("the gateway was asked for %+v, want %+v", asked, q)
	}
}

func TestLogs_manyLargeOnes_theNewestCome(t *testing.T) {
	large := json.RawMessage(`{"msg":"` + strings.Repeat("x", 1<<20) + `"}`)
	last := json.RawMessage(`{"msg":"last"}`)
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) {
		o.logs = func(peer.LogQuery) []json.RawMessage {
			var lines []json.RawMessage
			for range 20 {
				lines = append(lines, large)
			}
			return append(lines, last)
		}
	})
	got, err := reached(t, func() ([]json.RawMessage, error) {
		return o.client.Logs(t.Context(), o.proxy.Addr(), peer.LogQuery{N: 100})
	})
	if err != nil || len(got) != 16 || string(got[15]) != string(last) {
		t.Errorf("got %d lines and %v, want the newest 16", len(got), err)
	}
}

func TestLogs_badRequests_areRefused(t *testing.T) {
	server := peer.NewServer(newOwner(t, testkit.Says(`{}`)).config())
	for _, query := range []string{"", "n=-1&level=INFO", "n=x&level=INFO", "n=1&level=loud"} {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/peer/v1/logs?"+query, http.NoBody))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q: got %d, want %d", query, w.Code, http.StatusBadRequest)
		}
	}
}
