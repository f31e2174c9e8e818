package peer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
)

func TestMove_reachesTheGatewayThatIsAsked(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	want := peer.Move{Server: "a/b@c %", Node: "n2"}
	if err := told(t, func() error { return o.client.Move(t.Context(), o.proxy.Addr(), want) }); err != nil {
		t.Fatal(err)
	}
	if got := await(t, "the move", o.moves); got != want {
		t.Errorf("the gateway was asked for %+v, want %+v", got, want)
	}
}

func TestMove_denied_saysWhy(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) { o.stays = errors.New("it leaves") })
	err := told(t, func() error {
		return o.client.Move(t.Context(), o.proxy.Addr(), peer.Move{Server: "notes", Node: "n2"})
	})
	if denied, ok := errors.AsType[*peer.Denied](err); !ok || denied.Reason != "it leaves" {
		t.Errorf("got %v, want it denied with \"it leaves\"", err)
	}
}

func TestMove_badRequests_moveNothing(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	server := peer.NewServer(o.config())
	for _, c := range []struct {
		body string
		want int
	}{
		{``, http.StatusBadRequest},
		{`{`, http.StatusBadRequest},
		{`[]`, http.StatusBadRequest},
		{`{"server":"notes"}`, http.StatusBadRequest},
		{`{"node":"n2"}`, http.StatusBadRequest},
		{`{"server":"` + strings.Repeat("x", 1<<17) + `","node":"n2"}`, http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/peer/v1/move", strings.NewReader(c.body)))
		if w.Code != c.want {
			t.Errorf("%.40q: got %d, want %d", c.body, w.Code, c.want)
		}
	}
	if n := len(o.moves); n > 0 {
		t.Errorf("%d moves began, want none", n)
	}
}
