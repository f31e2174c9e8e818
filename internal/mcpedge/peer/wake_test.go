package peer_test

import (
	"errors"
	"testing"

	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
)

func TestWake_reachesTheGatewayThatIsAsked(t *testing.T) {
	for _, want := range []string{"notes", "a/b@c %", fleet.KeyOf("a/b@c", "x@y")} {
		o := newOwner(t, testkit.Says(`{}`))
		if err := told(t, func() error { return o.client.Wake(t.Context(), o.proxy.Addr(), want) }); err != nil {
			t.Fatal(err)
		}
		if got := await(t, "the call", o.woken); got != want {
			t.Errorf("the gateway was asked for %q, want %q", got, want)
		}
	}
}

func TestWake_denied_saysWhy(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) { o.stays = errors.New("it cannot start it") })
	err := told(t, func() error { return o.client.Wake(t.Context(), o.proxy.Addr(), "notes") })
	if denied, ok := errors.AsType[*peer.Denied](err); !ok || denied.Reason != "it cannot start it" {
		t.Errorf("got %v, want it denied with \"it cannot start it\"", err)
	}
}
