package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestServer_startsWaitForTheirTurn(t *testing.T) {
	var release func()
	waits := func() script {
		s := ready()
		s.slot = func(r func()) { release = r }
		return s
	}
	inRig(t, waits, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerStarting](t, r.events)
		testkit.ExpectNone(t, r.events)
		release()
		testkit.Expect[messages.ServerReady](t, r.events)
	})
}

// speaks opens a session and gives the hooks to say.
func speaks(say func(h server.Hooks)) func() script {
	return just(func(_ context.Context, _ messages.ServerPlan, _ uint64, h server.Hooks) (endpoint.Session, error) {
		say(h)
		return testkit.NewSession(1, testkit.Hangs), nil
	})
}

func TestServer_stderrAndJunk_areRedacted(t *testing.T) {
	say := func(h server.Hooks) {
		h.Stderr("token s3cr3t-value refused")
		h.Junk("hello s3cr3t-value")
	}
	inRig(t, speaks(say), func(t *testing.T, r *rig) {
		said := testkit.Expect[messages.ServerSaid](t, r.events)
		junk := testkit.Expect[messages.ServerJunk](t, r.events)
		if said.Server != "files" || said.Run != 1 || said.Line != "token [redacted TOKEN] refused" || junk.Line != "hello [redacted TOKEN]" {
			t.Errorf("got %+v and %+v, want one line of files in run 1 each, TOKEN redacted", said, junk)
		}
	})
}

func TestServer_floodOfStderr_isCutAndCounted(t *testing.T) {
	var hooks server.Hooks
	say := func(h server.Hooks) {
		hooks = h
		for i := range 500 {
			h.Stderr(fmt.Sprintf("line %d", i))
		}
	}
	inRig(t, speaks(say), func(t *testing.T, r *rig) {
		r.Sleep(time.Second)
		hooks.Stderr("one more")
		for range 70 {
			hooks.Junk("junk")
		}
		stopAndWait(t, r)
		synctest.Wait()
		lines, dropped := 0, 0
		for {
			e := testkit.Expect[messages.Event](t, r.events)
			if said, ok := e.(messages.ServerSaid); ok && strings.HasPrefix(said.Line, "line ") {
				lines++
			}
			if d, ok := e.(messages.ServerLinesDropped); ok {
				if dropped += d.Lines; d.Lines != 450 { // The second one, at the end of the run.
					break
				}
			}
		}
		if lines != 50 || dropped != 450+21 {
			t.Errorf("got %d lines of the first second and %d dropped in all; want 50 and 471", lines, dropped)
		}
	})
}
