package agents_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"gatehouse/internal/mcpedge/agents"
)

// reads reads an inbox until nothing more comes, and returns what came.
func reads(b *agents.Inbox) (heard []string) {
	ctx, end := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		b.Deliver(ctx, func(method string, params json.RawMessage) { heard = append(heard, method+" "+string(params)) })
	}()
	synctest.Wait()
	end()
	<-over
	return heard
}

func TestInbox_aSlowReader_losesWhatIsBeyondItsRoom_andHearsThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lost atomic.Uint64
		b := agents.NewInbox(&lost)
		for range 3 {
			b.Put("notifications/x", json.RawMessage(`{"n":"same"}`))
		}
		for i := range 1499 {
			b.Put("notifications/x", fmt.Appendf(nil, `{"n":%d}`, i))
		}
		heard := reads(b)
		if len(heard) != 1001 || heard[0] != `notifications/x {"n":"same"}` || heard[1] != `notifications/x {"n":0}` || heard[999] != `notifications/x {"n":998}` {
			t.Fatalf("got %d notifications, the first %q, want the first 1000, equal ones once, and a warning", len(heard), heard[:2])
		}
		if want := `notifications/message {"level":"warning","logger":"gatehouse","_meta":{"io.gatehouse/origin":"gateway"},"data":"This client reads too slowly: the gateway has dropped 500 notifications."}`; heard[1000] != want {
			t.Errorf("got %s, want %s", heard[1000], want)
		}
		if got := lost.Load(); got != 500 {
			t.Errorf("got %d counted as lost, want 500", got)
		}
		b.Put("notifications/x", json.RawMessage(`"`+strings.Repeat("y", 600_000)+`"`))
		b.Put("notifications/x", json.RawMessage(`"`+strings.Repeat("z", 600_000)+`"`))
		if heard := reads(b); len(heard) != 2 || !strings.HasPrefix(heard[1], "notifications/message") {
			t.Errorf("got %d notifications beyond 1 MiB, want one and a warning", len(heard))
		}
	})
}

// held is something that is held for a session.
type held struct{ ended int }

func (h *held) End() { h.ended++ }

func TestInbox_endsWhatItHolds_once(t *testing.T) {
	b := agents.NewInbox(new(atomic.Uint64))
	one, two := &held{}, &held{}
	for range 2 {
		if got, err := b.Hold("one", func() (agents.Held, error) { return one, nil }); err != nil || got != one {
			t.Fatalf("got %v %v, want the first", got, err)
		}
	}
	for i := range 999 {
		if _, err := b.Hold(i, func() (agents.Held, error) { return two, nil }); err != nil {
			t.Fatalf("number %d: got %v, want room for it", i, err)
		}
	}
	if _, err := b.Hold("more", func() (agents.Held, error) { return two, nil }); err == nil {
		t.Error("got no error beyond the limit, want one")
	}
	b.Release("one")
	b.Release("one")
	b.End()
	b.End()
	if one.ended != 1 || two.ended != 999 {
		t.Errorf("ended %d and %d times, want 1 and 999", one.ended, two.ended)
	}
	if _, err := b.Hold("late", func() (agents.Held, error) { return two, nil }); err == nil {
		t.Error("got no error after the end, want one")
	}
	b.Put("notifications/x", json.RawMessage(`{}`)) // Nobody hears it.
}
