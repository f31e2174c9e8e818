package agents_test

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

func TestReplay_isBounded(t *testing.T) {
	s := agents.NewStreams(1<<30, "a")[0]
	small, large := s.Stream(), s.Stream()
	first := small([]byte("x"))
	second := small([]byte("x"))
	for range 999 {
		small([]byte("x"))
	}
	if s.Has("c1-0") || !s.Has(first) || !s.Has(second) {
		t.Errorf("after 1,001 events: got %v %v %v, want that all but the first are kept", s.Has("c1-0"), s.Has(first), s.Has(second))
	}
	for range 5 {
		large(make([]byte, 1<<20))
	}
	if got, want := s.Bytes(), int64(4<<20); got > want {
		t.Errorf("got %d bytes kept, want at most %d", got, want)
	}
	tiny := agents.NewStreams(1<<30, "a")[0]
	tell := tiny.Stream()
	for range 100 {
		tell(nil)
	}
	if got, want := tiny.Bytes(), int64(100*64); got < want {
		t.Errorf("got %d bytes for 100 empty events, want that what they take counts, at least %d", got, want)
	}
	before := large([]byte("x"))
	after := large(make([]byte, 5<<20))
	if s.Has(before) || !s.Has(after) {
		t.Errorf("around an event of 5 MiB: got %v %v, want that nobody goes on before it", s.Has(before), s.Has(after))
	}
}

// Whoever keeps the most gives way.
func TestReplay_ofAll_isBoundedAndShared(t *testing.T) {
	list := agents.NewStreams(4<<20, "a", "a", "b")
	small := list[2].Stream()([]byte("x"))
	for _, s := range list[:2] {
		tell := s.Stream()
		for range 3 {
			tell(make([]byte, 1<<20))
		}
	}
	if total := list[0].Bytes() + list[1].Bytes() + list[2].Bytes(); total > 4<<20 {
		t.Errorf("got %d bytes kept, want at most %d", total, 4<<20)
	}
	if list[2].Bytes() == 0 || !list[2].Has(small) {
		t.Errorf("got %d bytes of the one with little, want that it is kept", list[2].Bytes())
	}
}

func TestReplay_isKeptForFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agents.NewStreams(1<<30, "a")[0]
		id := s.Stream()([]byte("x"))
		time.Sleep(4 * time.Minute)
		if !s.Has("c1-0") {
			t.Error("it is gone after 4 min, want it kept")
		}
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if s.Bytes() != 0 || s.Has("c1-0") || !s.Has(id) {
			t.Errorf("after 8 min: got %d bytes, %v, %v, want that nothing is kept and who has heard all can go on", s.Bytes(), s.Has("c1-0"), s.Has(id))
		}
	})
}
