package testkit

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// inbox keeps what arrived, in order, until somebody expects it.
type inbox struct {
	mu      sync.Mutex
	items   []any
	changed chan struct{} // closed and replaced with each arrival
}

func newInbox() *inbox { return &inbox{changed: make(chan struct{})} }

func (b *inbox) put(v any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, v)
	close(b.changed)
	b.changed = make(chan struct{})
}

// take removes the first item that fits, and everything before it.
func (b *inbox) take(fits func(any) bool) (any, <-chan struct{}, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, v := range b.items {
		if fits(v) {
			b.items = b.items[i+1:]
			return v, nil, true
		}
	}
	return nil, b.changed, false
}

func (b *inbox) all() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]any(nil), b.items...)
}

func (b *inbox) box() *inbox { return b }

// Source is what can be expected from: a Probe or Events.
type Source interface{ box() *inbox }

// Expect waits for the next message of type T and gives it; messages before
// it are dropped. In a bubble the clock runs on while it waits.
func Expect[T any](t testing.TB, s Source) T {
	t.Helper()
	return ExpectThat(t, s, func(T) bool { return true })
}

// ExpectThat is Expect for the next message of type T of which ok is true.
func ExpectThat[T any](t testing.TB, s Source, ok func(T) bool) T {
	t.Helper()
	fits := func(v any) bool {
		m, is := v.(T)
		return is && ok(m)
	}
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		v, more, found := s.box().take(fits)
		if found {
			return v.(T)
		}
		select {
		case <-more:
		case <-deadline.C:
			var want T
			t.Fatalf("no %T arrived; there are:%s", want, describe(s.box().all()))
		}
	}
}

// ExpectExactly waits until everything in the test's bubble is idle and fails
// unless exactly these messages have arrived since the last expectation.
func ExpectExactly(t testing.TB, s Source, want ...any) {
	t.Helper()
	synctest.Wait()
	got := s.box().all()
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", append([]any(nil), want...)) {
		t.Fatalf("got:%s\nwant:%s", describe(got), describe(want))
	}
	clearInbox(s.box())
}

func clearInbox(b *inbox) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = nil
}

// ExpectNone waits until everything in the test's bubble is idle and fails if
// a message has arrived since the last expectation. Outside of a bubble it
// panics, as "nothing came" is never certain there.
func ExpectNone(t testing.TB, s Source) {
	t.Helper()
	synctest.Wait()
	if got := s.box().all(); len(got) > 0 {
		t.Fatalf("expected nothing, but there are:%s", describe(got))
	}
}

func describe(items []any) string {
	if len(items) == 0 {
		return " nothing"
	}
	var s strings.Builder
	for _, v := range items {
		fmt.Fprintf(&s, "\n  %T %+v", v, v)
	}
	return s.String()
}

// Probe is an actor that records the messages it gets, the actor system's own
// ones apart. Give its PID to the actor under test as parent, peer or target.
type Probe struct {
	*inbox
	PID *actor.PID
}

// NewProbe spawns a probe. It stops with the test; World.Probe makes one that
// stops with its bubble.
func NewProbe(t testing.TB, sys *actor.ActorSystem) *Probe {
	t.Helper()
	p := spawnProbe(sys)
	t.Cleanup(func() { sys.Root.Stop(p.PID) })
	return p
}

func spawnProbe(sys *actor.ActorSystem) *Probe {
	p := &Probe{inbox: newInbox()}
	p.PID = sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Started:
		default:
			p.put(c.Message())
		}
	}))
	return p
}
