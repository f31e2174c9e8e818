package peer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

func TestCall_intoAHole_waitsUnsentUntilTheOwnerIsLost(t *testing.T) {
	for name, mode := range map[string][2]fleetkit.Mode{
		"to the owner":   {fleetkit.Hole, fleetkit.Pass},
		"from the owner": {fleetkit.Pass, fleetkit.Hole},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOwner(t, testkit.Says(`{}`))
			s := o.open(t)
			o.proxy.SetEach(mode[0], mode[1])
			done := begun(t.Context(), s, call("c1"))
			// Time for the request to be on its way; it cannot arrive, nor be asked for.
			select {
			case err := <-done:
				t.Fatalf("got %v, want that the call waits", err)
			case <-time.After(50 * time.Millisecond):
			}
			s.Close(s.OwnerLost())
			if err := await(t, "the call", done); !isNotWritten(err) {
				t.Errorf("got %v, want a *NotWritten", err)
			}
			await(t, "the end of the session", s.Done())
			o.proxy.Set(fleetkit.Pass)
			if ids := o.ids(); len(ids) != 0 {
				t.Errorf("the server ran %v, want nothing", ids)
			}
		})
	}
}

func TestCall_sentToAnOwnerThatIsLost_mayHaveRun(t *testing.T) {
	began := make(chan struct{}, 1)
	o := newOwner(t, func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		began <- struct{}{}
		return testkit.Hangs(ctx, req)
	})
	s := o.open(t)
	done := begun(t.Context(), s, call("c1"))
	await(t, "the call at the server", began)
	o.proxy.Set(fleetkit.Hole)
	s.Close(s.OwnerLost())
	err := await(t, "the call", done)
	if exit, ok := errors.AsType[*endpoint.Exit](err); !ok || isNotWritten(err) || !strings.Contains(exit.Reason, `"n1"`) {
		t.Errorf("got %v, want that the gateway n1, which ran it, was lost", err)
	}
	if _, err := s.Call(t.Context(), call("c2")); !isNotWritten(err) {
		t.Errorf("after the end: got %v, want a *NotWritten", err)
	}
}

func TestCall_whoseConnectionBreaksOnceItWasSent_mayHaveRun(t *testing.T) {
	began := make(chan struct{}, 1)
	o := newOwner(t, func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		began <- struct{}{}
		return testkit.Hangs(ctx, req)
	})
	s := o.open(t)
	done := begun(t.Context(), s, call("c1"))
	await(t, "the call at the server", began)
	o.proxy.Set(fleetkit.Cut)
	err := await(t, "the call", done)
	if _, ok := errors.AsType[*endpoint.CutStream](err); !ok {
		t.Errorf("got %v, want *CutStream", err)
	}
	if s.Err() != nil {
		t.Errorf("the session ended (%v), want that it goes on: the next call finds out", s.Err())
	}
}

func TestCall_toAnOwnerThatCannotBeReached_isNotSentAndEndsTheSession(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	o.client.Close() // A new connection is needed.
	o.proxy.Set(fleetkit.Cut)
	_, err := s.Call(t.Context(), call("c1"))
	if !isNotWritten(err) {
		t.Errorf("got %v, want a *NotWritten", err)
	}
	await(t, "the end of the session", s.Done())
}

func TestCall_onAConnectionThatTheOwnerHasClosed_isSentOnAnother(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	for i := range 20 {
		o.proxy.Set(fleetkit.Cut)
		o.proxy.Set(fleetkit.Pass)
		if _, err := s.Call(t.Context(), call(fmt.Sprint("c", i))); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if got := len(o.session.Calls()); got != 20 {
		t.Errorf("the server ran %d calls, want 20", got)
	}
}

// An owner that leaves takes no new calls, and finishes those that it has.
func TestCall_thatTheOwnerHas_goesOnWhileItRefusesOthers(t *testing.T) {
	began, goOn := make(chan struct{}, 1), make(chan struct{})
	o := newOwner(t, func(context.Context, endpoint.Request) (endpoint.Response, error) {
		began <- struct{}{}
		<-goOn
		return endpoint.Response{Result: []byte(`{}`)}, nil
	})
	s := o.open(t)
	done := begun(t.Context(), s, call("c1"))
	await(t, "the call at the server", began)
	o.cell.Close()
	if _, err := s.Call(t.Context(), call("c2")); !isNotWritten(err) {
		t.Errorf("the second call: got %v, want a *NotWritten", err)
	}
	await(t, "the end of the session", s.Done())
	if s.Spent() {
		t.Error("the session is spent, want that the first call is still under way")
	}
	close(goOn)
	if err := await(t, "the first call", done); err != nil {
		t.Errorf("the first call: %v", err)
	}
	if !s.Spent() {
		t.Error("the session is not spent, want that it is without calls")
	}
}

func TestCall_inASessionThatHasEnded_endsWhenItIsClosed(t *testing.T) {
	began := make(chan struct{}, 1)
	o := newOwner(t, func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		began <- struct{}{}
		return testkit.Hangs(ctx, req)
	})
	s := o.open(t)
	done := begun(t.Context(), s, call("c1"))
	await(t, "the call at the server", began)
	o.cell.Close()
	_, _ = s.Call(t.Context(), call("c2")) // It is refused, and ends the session.
	s.Close(s.OwnerLost())
	err := await(t, "the first call", done)
	if _, ok := errors.AsType[*endpoint.Exit](err); !ok {
		t.Errorf("got %v, want that the owner was lost", err)
	}
}

func TestCall_tenureThatEndsOnTheWay_keepsTheCallFromTheServer(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	lapsed := peer.Fenced(o.session, func() bool { return false })
	_, err := lapsed.Call(t.Context(), call("c1"))
	if !isNotWritten(err) || !errors.Is(err, peer.ErrNotOurs) || len(o.session.Calls()) != 0 {
		t.Errorf("got %v after %d calls, want a *NotWritten and none", err, len(o.session.Calls()))
	}
}

func TestCall_thatNobodyWaitsFor_endsAtTheServer(t *testing.T) {
	began, ended := make(chan struct{}, 100), make(chan struct{}, 100)
	o := newOwner(t, func(ctx context.Context, _ endpoint.Request) (endpoint.Response, error) {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return endpoint.Response{}, context.Cause(ctx)
	})
	s := o.open(t)
	gone := errors.New("the agent has gone")
	ctx, stop := context.WithCancelCause(t.Context())
	done := begun(ctx, s, call("c1"))
	await(t, "the call at the server", began)
	stop(gone)
	if err := await(t, "the call", done); !errors.Is(err, gone) || isNotWritten(err) {
		t.Errorf("got %v, want why nobody waits", err)
	}
	await(t, "the end of the call at the server", ended)
	var err error
	for patience := 50 * time.Millisecond; (len(began) == 0 || isNotWritten(err)) && patience < time.Minute; patience *= 2 {
		req := call(fmt.Sprint("within ", patience)) // On a busy machine its time may be up before it is there.
		req.Deadline = time.Now().Add(patience)
		err = await(t, "the second call", begun(t.Context(), s, req))
	}
	await(t, "the second call at the server", began)
	if !errors.Is(err, endpoint.ErrDeadline) || isNotWritten(err) {
		t.Errorf("got %v, want ErrDeadline", err)
	}
	await(t, "the end of the second call at the server", ended)
	if n := o.cell.InFlight(); n != 0 {
		testkit.Eventually(t, "no call is in flight", func() bool { return o.cell.InFlight() == 0 })
	}
}

// anyMode is Pass, most often.
func anyMode() fleetkit.Mode {
	return []fleetkit.Mode{29: fleetkit.Pass, 1: fleetkit.Cut, 2: fleetkit.Hole}[rand.IntN(30)]
}

// Whatever happens to the network: a call that is said not to have been sent has not
// run, and none has run twice.
func TestCall_underCutsAndHoles_neverRunsTwice(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) { o.places = 1000 })
	var unsent sync.Map
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := range 25 {
				ctx, stop := context.WithTimeout(t.Context(), time.Duration(5+rand.IntN(40))*time.Millisecond)
				s, err := o.client.Open(ctx, o.target())
				if err != nil {
					stop()
					continue
				}
				id := fmt.Sprintf("c%d.%d", w, i)
				if _, err := s.Call(ctx, call(id)); isNotWritten(err) {
					unsent.Store(id, true)
				}
				stop()
				s.Close(nil)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		workers.Wait()
		close(over)
	}()
	for running := true; running; {
		o.proxy.SetEach(anyMode(), anyMode())
		select {
		case <-over:
			running = false
		case <-time.After(15 * time.Millisecond):
		}
	}
	o.proxy.Set(fleetkit.Pass)
	ids := o.ids()
	slices.Sort(ids)
	if once := slices.Compact(slices.Clone(ids)); len(once) != len(ids) {
		t.Errorf("%d calls ran twice, want none", len(ids)-len(once))
	}
	for _, id := range ids {
		if _, was := unsent.Load(id); was {
			t.Errorf("call %s ran, and was said not to have been sent: it must not be", id)
		}
	}
	t.Logf("%d calls ran", len(ids))
}
