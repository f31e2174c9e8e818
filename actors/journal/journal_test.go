package journal_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/actors/journal"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// inJournal plays with a journal that follows the bubble's event stream.
func inJournal(t *testing.T, play func(t *testing.T, w *testkit.World, log *testkit.Logs, pid *actor.PID)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		log := &testkit.Logs{}
		pid := w.Spawn(journal.Props(log.Logger()))
		stop := journal.Follow(w.System, pid)
		defer stop()
		play(t, w, log, pid)
	})
}

func TestJournal_writesEachEventAsOneLine(t *testing.T) {
	inJournal(t, func(t *testing.T, w *testkit.World, log *testkit.Logs, _ *actor.PID) {
		w.System.EventStream.Publish(messages.ServerReady{Server: "files", Run: 2, PID: 7, Tools: 3})
		w.System.EventStream.Publish(messages.ServerNeedsAuth{Server: "web", Reason: "401"})
		w.System.EventStream.Publish("somebody else's")
		w.Sleep(0)
		lines := log.All()
		if len(lines) != 2 {
			t.Fatalf("got %+v, want two lines", lines)
		}
		if l := lines[0]; l.Msg != "server ready" || l.Level != slog.LevelInfo || l.Attrs["server"] != "files" || l.Attrs["run"] != "2" || l.Attrs["pid"] != "7" {
			t.Errorf("got %+v, want server ready at level info with server files, run 2 and pid 7", l)
		}
		if l := lines[1]; l.Msg != "server needs auth" || l.Level != slog.LevelError || l.Attrs["reason"] != "401" {
			t.Errorf("got %+v, want server needs auth at level error because of 401", l)
		}
	})
}

func TestJournal_showsOfAFailureNoMoreThanItsType(t *testing.T) {
	for _, reason := range []any{"s3cr3t", errors.New("s3cr3t"), struct{ Token string }{"s3cr3t"}} {
		inJournal(t, func(t *testing.T, w *testkit.World, log *testkit.Logs, _ *actor.PID) {
			w.System.EventStream.Publish(&actor.SupervisorEvent{Child: actor.NewPID("nonhost", "servers/files@1"), Reason: reason, Directive: actor.RestartDirective})
			w.Sleep(0)
			lines := log.With("actor failed")
			if len(lines) != 1 || lines[0].Level != slog.LevelWarn || lines[0].Attrs["actor"] != "servers/files@1" || lines[0].Attrs["type"] != fmt.Sprintf("%T", reason) {
				t.Fatalf("got %+v, want one warning about servers/files@1 with the type %T", log.All(), reason)
			}
			if strings.Contains(fmt.Sprint(lines), "s3cr3t") {
				t.Errorf("the line must not hold what the actor panicked with: %+v", lines)
			}
		})
	}
}

func TestJournal_whatWasPublishedBeforeItIsPoisoned_isWritten(t *testing.T) {
	inJournal(t, func(t *testing.T, w *testkit.World, log *testkit.Logs, pid *actor.PID) {
		for range 500 {
			w.System.EventStream.Publish(messages.ServerStarting{Server: "files"})
		}
		if err := w.System.Root.PoisonFuture(pid).Wait(); err != nil {
			t.Fatal(err)
		}
		if n := len(log.With("server starting")); n != 500 {
			t.Errorf("%d lines were written, want 500", n)
		}
	})
}

// A server that drains may be found to hang: no verdict follows, and none is waited for,
// least of all that on the process which has taken its place.
func TestJournal_theCrashOfAStoppedServer_waitsForNoVerdict(t *testing.T) {
	inJournal(t, func(t *testing.T, w *testkit.World, log *testkit.Logs, _ *actor.PID) {
		w.System.EventStream.Publish(messages.ServerCrashed{Exit: &endpoint.Exit{Server: "files", Run: 1, Reason: "hung"}, Stopped: true})
		w.Sleep(0)
		lines := log.With("server crashed")
		if len(lines) != 1 || lines[0].Attrs["reason"] != "hung" {
			t.Fatalf("got %+v at once, want the crash because it hung", log.All())
		}
		w.System.EventStream.Publish(messages.ServerBackingOff{Server: "files", Run: 1, Attempt: 3})
		w.Sleep(0)
		if lines := log.With("server crashed"); len(lines) != 1 || lines[0].Attrs["attempt"] != "" {
			t.Errorf("got %+v, want one crash, without the verdict on another one", lines)
		}
	})
}

// An older form of a server may still drain while the new one fails.
func TestJournal_theCrashOfARun_hasNoVerdictOnAnother(t *testing.T) {
	crash := func(run uint64) messages.ServerCrashed {
		return messages.ServerCrashed{Exit: &endpoint.Exit{Server: "files", Run: run}}
	}
	for name, verdict := range map[string]messages.Event{
		"backing off": messages.ServerBackingOff{Server: "files", Run: 2, Attempt: 3, Delay: time.Second},
		"quarantined": messages.ServerQuarantined{Server: "files", Run: 2, Delay: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inJournal(t, func(t *testing.T, w *testkit.World, log *testkit.Logs, _ *actor.PID) {
				w.System.EventStream.Publish(crash(1))
				w.System.EventStream.Publish(crash(2))
				w.System.EventStream.Publish(verdict)
				w.Sleep(2 * time.Second)
				delays := map[string]string{}
				for _, l := range log.With("server crashed") {
					delays[l.Attrs["run"]] = l.Attrs["delay"]
				}
				if want := map[string]string{"1": "", "2": "1s"}; !maps.Equal(delays, want) {
					t.Errorf("got crashes with the delays %v, want %v", delays, want)
				}
			})
			inJournal(t, func(t *testing.T, w *testkit.World, log *testkit.Logs, _ *actor.PID) {
				w.System.EventStream.Publish(crash(1))
				w.System.EventStream.Publish(verdict)
				w.Sleep(2 * time.Second)
				if lines := log.With("server crashed"); len(lines) != 1 || lines[0].Attrs["delay"] != "" {
					t.Errorf("got %+v, want the crash of run 1 without the verdict on run 2", lines)
				}
			})
		})
	}
}

// Runs of a changed entry are counted anew.
func TestJournal_twoFormsCrashInTheSameRun_bothAreWritten(t *testing.T) {
	inJournal(t, func(t *testing.T, w *testkit.World, log *testkit.Logs, _ *actor.PID) {
		for _, reason := range []string{"the old one", "the new one"} {
			w.System.EventStream.Publish(messages.ServerCrashed{Exit: &endpoint.Exit{Server: "files", Run: 1, Reason: reason}})
		}
		w.Sleep(2 * time.Second)
		if lines := log.With("server crashed"); len(lines) != 2 || lines[0].Attrs["reason"] != "the old one" {
			t.Errorf("got %+v, want both crashes", lines)
		}
	})
}
