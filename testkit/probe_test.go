package testkit_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/testkit"
)

type (
	hello struct{ N int }
	other struct{}
)

func TestExpect_skipsMessagesOfOtherTypes(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		p := w.Probe()
		w.Send(p.PID, other{})
		w.Send(p.PID, hello{1})
		w.Send(p.PID, hello{2})
		if got := testkit.Expect[hello](t, p); got.N != 1 {
			t.Errorf("got %+v, want the first hello", got)
		}
		testkit.ExpectExactly(t, p, hello{2})
		testkit.ExpectNone(t, p)
	})
}

func TestExpect_waitsForWhatComesLater(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		p := w.Probe()
		start := time.Now()
		time.AfterFunc(30*time.Second, func() { w.Send(p.PID, hello{7}) })
		testkit.ExpectThat(t, p, func(h hello) bool { return h.N == 7 })
		if got := time.Since(start); got != 30*time.Second {
			t.Errorf("fake time moved by %v, want exactly 30 s", got)
		}
	})
}

func TestEvents_hearDeadLettersAndOwnEvents(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		events := w.Events()
		w.Send(actor.NewPID("nonhost", "nobody"), hello{1})
		w.System.EventStream.Publish(hello{2})
		dead := testkit.Expect[*actor.DeadLetterEvent](t, events)
		if dead.Message != (hello{1}) {
			t.Errorf("got dead letter %v, want hello 1", dead.Message)
		}
		testkit.Expect[hello](t, events)
	})
}

func TestBubble_stopsWhatWasSpawned(t *testing.T) {
	stopped := make(chan struct{}, 1)
	testkit.Bubble(t, func(_ *testing.T, w *testkit.World) {
		w.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			if _, ok := c.Message().(*actor.Stopped); ok {
				select {
				case stopped <- struct{}{}:
				default:
				}
			}
		}))
	})
	if len(stopped) != 1 {
		t.Error("the actor was not stopped with its bubble")
	}
}

func TestLogs_keepAttributesAndGroups(t *testing.T) {
	var logs testkit.Logs
	log := logs.Logger().With("server", "files").WithGroup("g").With("a", 1)
	log.Warn("server crashed", "b", true, slog.Group("h", "c", "x"))
	got := logs.With("server crashed")
	if len(got) != 1 || got[0].Level != slog.LevelWarn {
		t.Fatalf("got %+v, want one warning", logs.All())
	}
	for key, want := range map[string]string{"server": "files", "g.a": "1", "g.b": "true", "g.h.c": "x"} {
		if got[0].Attrs[key] != want {
			t.Errorf("attribute %s: got %q, want %q", key, got[0].Attrs[key], want)
		}
	}
}
