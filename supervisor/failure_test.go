package supervisor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestFailure_isBackedOffAndRestartedOnTime(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		h.fail("files@1", crash(p, endpoint.Serving))

		failed := testkit.Expect[*actor.SupervisorEvent](t, h.events)
		if _, ok := failed.Reason.(*endpoint.Exit); !ok || failed.Directive != actor.RestartDirective {
			t.Errorf("got supervisor event %+v, want a restart after an exit", failed)
		}
		backing := testkit.Expect[messages.ServerBackingOff](t, h.events)
		if backing.Server != "files" || backing.Attempt != 1 || backing.Reason != "exit status 3" || backing.Delay <= 0 {
			t.Errorf("got %+v, want the first attempt of files after exit status 3, with a delay", backing)
		}
		testkit.ExpectNone(t, h.notes) // All is idle: the cell is published, too.
		st := p.Cell.Status()
		if st.State != endpoint.BackingOff || st.Reason != "exit status 3" || st.Restarts != 1 || st.Run != 1 || st.Session != nil {
			t.Errorf("got status %+v, want backing off after 1 restart, because of exit status 3, without a session", st)
		}
		if want := time.Now().Add(backing.Delay); !st.RetryAt.Equal(want) {
			t.Errorf("retry at %v, want %v", st.RetryAt, want)
		}
		h.Sleep(backing.Delay - time.Nanosecond)
		testkit.ExpectNone(t, h.notes)
		h.Sleep(time.Nanosecond)
		testkit.ExpectExactly(t, h.notes, note{"started", "files@1"})
	})
}

func TestFailure_delaysGrow(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		var delays []time.Duration
		for range 4 {
			h.fail("files@1", crash(p, endpoint.Handshake))
			delays = append(delays, testkit.Expect[messages.ServerBackingOff](t, h.events).Delay)
			testkit.Expect[note](t, h.notes) // Started again.
		}
		if delays[0] >= delays[2] || delays[1] >= delays[3] {
			t.Errorf("got delays %v, want growing ones", delays)
		}
		if got := p.Cell.Status().Restarts; got != 4 {
			t.Errorf("got %d restarts counted, want 4", got)
		}
	})
}

func TestFailure_moreThanAllowed_quarantinesAndProbes(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		p.Entry.Settings.Restart.MaxFailures = 1
		h.run(t, p)
		h.fail("files@1", crash(p, endpoint.Serving))
		testkit.Expect[messages.ServerBackingOff](t, h.events)
		testkit.Expect[note](t, h.notes)

		second := crash(p, endpoint.Serving)
		second.Stderr = []string{"out of luck"}
		h.fail("files@1", second)
		event := testkit.Expect[messages.ServerQuarantined](t, h.events)
		if event.Delay != p.Entry.Settings.Restart.Quarantine || len(event.Stderr) != 1 || !strings.Contains(event.Reason, "exit status 3") {
			t.Errorf("got %+v, want exit status 3 with the last line, and the delay of a quarantine", event)
		}
		testkit.ExpectNone(t, h.notes)
		st := p.Cell.Status()
		if st.State != endpoint.Quarantined || st.Reason == "" || !st.RetryAt.Equal(time.Now().Add(event.Delay)) {
			t.Errorf("got status %+v, want quarantined with a reason, until the delay is over", st)
		}
		h.Sleep(event.Delay - time.Nanosecond)
		testkit.ExpectNone(t, h.notes)
		h.Sleep(time.Nanosecond)
		testkit.ExpectExactly(t, h.notes, note{"started", "files@1"})

		h.fail("files@1", crash(p, endpoint.Handshake)) // The probe fails.
		testkit.Expect[messages.ServerQuarantined](t, h.events)
	})
}

func TestFailure_commandThatCannotStart_quarantinesAtOnceWithTheReason(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		exit := crash(p, endpoint.CannotStart)
		exit.Reason = `executable "uvx" not found in PATH`
		h.fail("files@1", exit)
		event := testkit.Expect[messages.ServerQuarantined](t, h.events)
		testkit.ExpectNone(t, h.notes)
		if st := p.Cell.Status(); !strings.Contains(event.Reason, exit.Reason) || !strings.Contains(st.Reason, exit.Reason) {
			t.Errorf("the reason is not told: event %q, status %q", event.Reason, st.Reason)
		}
	})
}

func TestFailure_oneServersTroubleLeavesTheOthersAlone(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		bad, good := plan("bad", 1), plan("good", 1)
		h.run(t, bad, good)
		h.fail("bad@1", crash(bad, endpoint.Serving))
		testkit.Expect[messages.ServerBackingOff](t, h.events)
		h.Send(h.sup, messages.WakeServer{Name: "good", Cell: good.Cell})
		testkit.ExpectExactly(t, h.notes, note{"start", "good@1"})
		wantState(t, good, endpoint.Starting)
	})
}

func TestFailure_staleTimerNeverRestarts(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		old := plan("files", 1)
		h.run(t, old)
		h.fail("files@1", crash(old, endpoint.Serving))
		delay := testkit.Expect[messages.ServerBackingOff](t, h.events).Delay

		next := plan("files", 2)
		h.apply(messages.ApplyDiff{
			Generation: 2, Start: []messages.ServerPlan{next},
			Drain: []messages.DrainServer{drainOf(old, time.Minute)},
		})
		testkit.ExpectThat(t, h.notes, func(n note) bool { return n == note{"started", "files@2"} })
		testkit.Expect[messages.ServerStopped](t, h.events)
		h.Sleep(2 * delay)
		for _, n := range h.takeAll(t) {
			if n.What == "started" {
				t.Errorf("%s must not be started by a timer that is void", n.ID)
			}
		}
		wantState(t, old, endpoint.Stopped)
	})
}

// takeAll returns the notes so far.
func (h *house) takeAll(t *testing.T) []note {
	t.Helper()
	marker := note{"marker", ""}
	h.Send(h.notes.PID, marker)
	var all []note
	for {
		n := testkit.Expect[note](t, h.notes)
		if n == marker {
			return all
		}
		all = append(all, n)
	}
}

func TestFailure_panicThatIsNoExit_isHandledAndItsContentNotLogged(t *testing.T) {
	for _, value := range []any{"the secret s3cr3t", fmt.Errorf("s3cr3t"), struct{ Token string }{"s3cr3t"}} {
		inHouse(t, func(t *testing.T, h *house) {
			p := plan("files", 1)
			h.run(t, p)
			h.fail("files@1", value)
			backing := testkit.Expect[messages.ServerBackingOff](t, h.events)
			testkit.ExpectNone(t, h.notes)
			for _, text := range []string{backing.Reason, p.Cell.Status().Reason} {
				if text == "" || strings.Contains(text, "s3cr3t") {
					t.Errorf("got reason %q, want one without the secret", text)
				}
			}
			if len(h.logs.All()) != 1 {
				t.Fatalf("want one line that tells of the bug, got %+v", h.logs.All())
			}
			if line := fmt.Sprint(h.logs.All()[0]); strings.Contains(line, "s3cr3t") || !strings.Contains(line, "files") {
				t.Errorf("got log line %s, want files in it, and not the secret", line)
			}
			h.Sleep(backing.Delay)
			testkit.ExpectExactly(t, h.notes, note{"started", "files@1"})
		})
	}
}

// webPlan is one of a url server.
func webPlan(name string) messages.ServerPlan {
	p := plan(name, 1)
	p.Spec.URL = "http://127.0.0.1:1/mcp"
	return p
}

func TestFailure_ofAURLServer_isNeverGivenUp(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := webPlan("web")
		h.run(t, p)
		longest := p.Entry.Settings.Restart.Max
		for i := range 50 {
			h.fail("web@1", crash(p, endpoint.Handshake))
			backing := testkit.Expect[messages.ServerBackingOff](t, h.events)
			if backing.Delay > longest {
				t.Errorf("failure %d: tried again after %v, want at most %v", i, backing.Delay, longest)
			}
			wantState(t, p, endpoint.BackingOff)
			h.Sleep(backing.Delay)
			testkit.ExpectExactly(t, h.notes, note{"started", "web@1"})
		}
	})
}

func TestWake_ofAURLServerThatFailed_isTriedAtOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := webPlan("web")
		h.run(t, p)
		for range 8 { // Until the delay is long.
			h.fail("web@1", crash(p, endpoint.Handshake))
			h.Sleep(testkit.Expect[messages.ServerBackingOff](t, h.events).Delay)
			testkit.ExpectExactly(t, h.notes, note{"started", "web@1"})
		}
		h.fail("web@1", crash(p, endpoint.Handshake))
		delay := testkit.Expect[messages.ServerBackingOff](t, h.events).Delay
		for range 100 { // Each call that waits asks for it.
			h.Send(h.sup, messages.WakeServer{Name: "web", Cell: p.Cell})
		}
		testkit.ExpectNone(t, h.notes) // Not in a loop, however.
		h.Sleep(p.Entry.Settings.Restart.Initial)
		testkit.ExpectExactly(t, h.notes, note{"started", "web@1"})
		h.Sleep(2 * delay)
		testkit.ExpectNone(t, h.notes) // The timer that was brought forward does not come again.

		h.fail("web@1", crash(p, endpoint.Handshake))
		testkit.Expect[messages.ServerBackingOff](t, h.events)
		h.Sleep(10 * time.Second)
		testkit.ExpectNone(t, h.notes)
		h.Send(h.sup, messages.WakeServer{Name: "web", Cell: p.Cell})
		testkit.ExpectExactly(t, h.notes, note{"started", "web@1"})
	})
}

// A server that is asked for too much says when to come again; calls wait for that
// as well, and max_ms is the longest that anybody waits.
func TestWake_ofAURLServerThatAskedForAPause_waitsForIt(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := webPlan("web")
		h.run(t, p)
		for pause, want := range map[time.Duration]time.Duration{
			7 * time.Second: 7 * time.Second, time.Hour: p.Entry.Settings.Restart.Max,
		} {
			exit := crash(p, endpoint.Handshake)
			exit.Pause = pause
			h.fail("web@1", exit)
			if got := testkit.Expect[messages.ServerBackingOff](t, h.events).Delay; got != want {
				t.Errorf("a pause of %v: got %v, want %v", pause, got, want)
			}
			h.Send(h.sup, messages.WakeServer{Name: "web", Cell: p.Cell})
			h.Sleep(want - time.Nanosecond)
			testkit.ExpectNone(t, h.notes)
			h.Sleep(time.Nanosecond)
			testkit.ExpectExactly(t, h.notes, note{"started", "web@1"})
		}
	})
}

// A pause is for the server's good: one that asks for next to none, again and again,
// is not tried more often than one that says nothing.
func TestFailure_ofAURLServerThatAsksForAShortPause_waitsEverLonger(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := webPlan("web")
		h.run(t, p)
		policy := p.Entry.Settings.Restart
		var last time.Duration
		for range 20 {
			exit := crash(p, endpoint.Handshake)
			exit.Pause = time.Millisecond
			h.fail("web@1", exit)
			last = testkit.Expect[messages.ServerBackingOff](t, h.events).Delay
			h.Sleep(last)
			testkit.ExpectExactly(t, h.notes, note{"started", "web@1"})
		}
		if last < policy.Max/2 {
			t.Errorf("the 20th failure: tried again after %v, want about %v", last, policy.Max)
		}
		exit := crash(p, endpoint.Handshake)
		exit.Pause = time.Millisecond
		h.fail("web@1", exit)
		testkit.Expect[messages.ServerBackingOff](t, h.events)
		h.Send(h.sup, messages.WakeServer{Name: "web", Cell: p.Cell})
		h.Sleep(policy.Initial - time.Nanosecond)
		testkit.ExpectNone(t, h.notes)
		h.Sleep(time.Nanosecond)
		testkit.ExpectExactly(t, h.notes, note{"started", "web@1"}) // A call comes as early as without it.
	})
}

func TestWake_ofAProcessThatFailed_waitsForItsTime(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		h.fail("files@1", crash(p, endpoint.Handshake))
		delay := testkit.Expect[messages.ServerBackingOff](t, h.events).Delay
		h.Send(h.sup, messages.WakeServer{Name: "files", Cell: p.Cell})
		h.Sleep(delay - time.Nanosecond)
		testkit.ExpectNone(t, h.notes)
		h.Sleep(time.Nanosecond)
		testkit.ExpectExactly(t, h.notes, note{"started", "files@1"})
		h.Send(h.sup, messages.WakeServer{Name: "files", Cell: p.Cell}) // A lazy one waits for this now.
		testkit.ExpectExactly(t, h.notes, note{"start", "files@1"})
	})
}

func TestFailure_slowTriesThatNeverBecomeReady_areGivenUp(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		for range p.Entry.Settings.Restart.MaxFailures {
			h.Sleep(11 * time.Minute)
			h.fail("files@1", crash(p, endpoint.Handshake))
			h.Sleep(testkit.Expect[messages.ServerBackingOff](t, h.events).Delay)
			testkit.ExpectExactly(t, h.notes, note{"started", "files@1"})
		}
		h.Sleep(11 * time.Minute)
		h.fail("files@1", crash(p, endpoint.Handshake))
		e := testkit.Expect[messages.ServerQuarantined](t, h.events)
		if want := "6 tries in a row never became ready, 5 allowed: exit status 3"; e.Reason != want {
			t.Errorf("got the reason %q, want %q", e.Reason, want)
		}
	})
}

func TestFailure_aRunThatBecameReady_beginsANewRow(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		for range 3 * p.Entry.Settings.Restart.MaxFailures {
			p.Cell.Move(endpoint.Begun, time.Now(), nil)
			p.Cell.Move(endpoint.Opened, time.Now(), func(next *endpoint.Status) { next.Opened++ })
			p.Cell.Move(endpoint.Slept, time.Now(), nil) // And not of itself: the supervisor hears nothing of it.
			h.Sleep(11 * time.Minute)
			h.fail("files@1", crash(p, endpoint.Handshake))
			h.Sleep(testkit.Expect[messages.ServerBackingOff](t, h.events).Delay)
			testkit.ExpectExactly(t, h.notes, note{"started", "files@1"})
		}
	})
}

// That too many files are open is not the server's fault: it is tried again, with
// the reason, and never given up.
func TestFailure_forLackOfDescriptors_isNeverGivenUp(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		p.Entry.Settings.Restart.MaxFailures = 1
		h.run(t, p)
		for range 10 {
			exit := crash(p, endpoint.Handshake)
			exit.Scarce, exit.Reason = true, "too many open files"
			h.fail("files@1", exit)
			if got := testkit.Expect[messages.ServerBackingOff](t, h.events).Reason; got != "too many open files" {
				t.Errorf("got the reason %q, want that too many files are open", got)
			}
			testkit.Expect[note](t, h.notes) // Started again.
		}
	})
}
