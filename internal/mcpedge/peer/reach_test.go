package peer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

// An open connection into a network that has lost its other end says nothing. A call that
// waits to be sent over it does not wait for its own deadline.
func TestCall_intoAHole_isGivenUpUnsent(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	o.client = peer.NewClient(peer.ClientConfig{Generation: o.mine.Load, AskedFor: 50 * time.Millisecond})
	s := o.open(t)
	// There is a connection once a call was answered. On a busy machine the owner may
	// need longer than this client waits, which gives a call up unsent.
	_, err := s.Call(t.Context(), call("c1"))
	for tries := 0; isNotWritten(err) && tries < 100; tries++ {
		s = o.open(t)
		_, err = s.Call(t.Context(), call("c1"))
	}
	if err != nil {
		t.Fatal(err)
	}
	o.proxy.Set(fleetkit.Hole)
	err = await(t, "the end of the call", begun(t.Context(), s, call("c2")))
	if _, away := errors.AsType[*peer.Unreached](err); !isNotWritten(err) || !away {
		t.Errorf("got %v, want that the owner cannot be reached and nothing was written", err)
	}
	await(t, "the end of the session", s.Done())
	address := o.target().Address
	if o.client.Unreached(address) == "" {
		t.Error("the gateway counts as reached, want why it is not")
	}
	o.proxy.Set(fleetkit.Pass)
	o.open(t)
	if why := o.client.Unreached(address); why != "" {
		t.Errorf("after the end of the hole it counts as unreached: %s; want that it does not", why)
	}
	if got := o.ids(); len(got) != 1 {
		t.Errorf("the calls %v reached the server, want c1 alone", got)
	}
}

// An owner that is there, and has a call wait for its turn, is waited for.
func TestCall_thatWaitsForItsTurn_isNotGivenUp(t *testing.T) {
	var err error
	for patience := time.Second; patience < time.Minute; patience *= 4 { // On a busy machine an owner may need longer than that to say that it is there.
		if err = waitsForItsTurn(t, patience); err == nil {
			return
		}
	}
	t.Errorf("got %v, want an answer", err)
}

// waitsForItsTurn makes a call and then another one, for which there is no place before the
// owner was asked whether it is there, and returns how they end.
func waitsForItsTurn(t *testing.T, patience time.Duration) error {
	t.Helper()
	free := make(chan struct{})
	o := newOwner(t, func(context.Context, endpoint.Request) (endpoint.Response, error) {
		<-free
		return endpoint.Response{Result: []byte(`{}`)}, nil
	}, func(o *owner) { o.places = 1 })
	o.client = peer.NewClient(peer.ClientConfig{Generation: o.mine.Load, AskedFor: patience})
	s := o.open(t)
	first := begun(t.Context(), s, call("c1"))
	testkit.Eventually(t, "the first call runs", func() bool { return len(o.ids()) == 1 || len(first) > 0 })
	other := call("c2")
	other.By.Origin = "elsewhere" // Else it is refused.
	looks := o.looks.Load()
	second := begun(t.Context(), s, other)
	testkit.Eventually(t, "it was looked whether the owner is there", func() bool { return o.looks.Load() > looks || len(second) > 0 })
	close(free)
	return errors.Join(await(t, "the first answer", first), await(t, "the second answer", second))
}
