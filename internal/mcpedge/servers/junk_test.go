package servers_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// A server that floods its stdout is read slowly, and its answers still come.
func TestJunk_flood_isReadSlowlyAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shown := 0
		s, p := open(t, servers.Options{OnJunk: func(string) { shown++ }})
		answered := call(t.Context(), s, tool(`1`))
		id := p.read().ID
		begun := time.Now()
		for range 20_000 {
			p.write("this is no message")
		}
		p.write(`{"jsonrpc":"2.0","id":%s,"result":{"n":1}}`, id)
		wantResult(t, <-answered, `{"n":1}`)
		if took := time.Since(begun); took < 500*time.Millisecond || took > 2*time.Second {
			t.Errorf("20,000 lines were read in %v, want about a second", took)
		}
		if shown != 20_000 {
			t.Errorf("%d lines were shown to the owner, want 20_000", shown)
		}
	})
}

func TestJunk_floodOfAClosedSession_doesNotHoldItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		go func() {
			for range 2000 {
				p.write("this is no message")
			}
		}()
		synctest.Wait() // The reader pauses.
		begun := time.Now()
		s.Close(errGone)
		<-s.Done()
		if took := time.Since(begun); took != 0 {
			t.Errorf("the end took %v, want 0", took)
		}
	})
}

func TestJunk_secretAcrossTheCut_isRedactedFirst(t *testing.T) {
	const secret = "s3cr3t-value-of-some-length"
	shown := make(chan string, 1)
	_, p := open(t, servers.Options{
		OnJunk: func(line string) { shown <- line },
		Redact: func(s string) string { return strings.ReplaceAll(s, secret, "[redacted TOKEN]") },
	})
	before := strings.Repeat("x", 190)
	p.write("%s", before+secret)
	if got, want := <-shown, before+"[redacted "; got != want {
		t.Errorf("got the line %q, want %q", got, want)
	}
}

// A question has no end of its line: whoever asks waits for the answer.
func TestJunk_lineThatTheEndBreaksOff_isHeard(t *testing.T) {
	p, pipes := newPeer(t)
	heard := make(chan string, 2)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		p.read()
		_, _ = io.WriteString(p.out, "Ok to proceed? (y) ")
		cancel()
	}()
	_, err := servers.OpenStdio(ctx, pipes, servers.Options{Era: endpoint.EraInitialize, OnJunk: func(line string) { heard <- line }})
	if err == nil {
		t.Error("the session was opened")
	}
	if len(heard) != 1 || <-heard != "Ok to proceed? (y) " {
		t.Errorf("got %d lines, want the question", len(heard))
	}
}
