//go:build unix

package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// What tests of run over stdio show of its own input and output holds for attach in
// its place.

// Clients close our input, wait a little, send TERM and soon KILL: with the first of
// them the call's time is over, and its end is said.
func TestAttach_signalWhileCallsDrain_endsThem(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, testkit.AllowAll("a"))
	a := p.open(t, "--drain-on-eof", "10m")
	id := a.call(t, "s", "sleep", `{"ms":600000,"id":"long"}`)
	awaitCall(t, record, "long")
	if err := a.in.Close(); err != nil {
		t.Fatal(err)
	}
	if got := a.hurry(t); !strings.Contains(got, fmt.Sprintf(`"id":%d`, id)) || !strings.Contains(got, `"isError":true`) {
		t.Errorf("got %s, want a call that was ended", got)
	}
	awaitEvent(t, record, "cancelled", "long")
	if code := a.end(t); code != exitFine {
		t.Errorf("got exit code %d, want 0: %s", code, a.stderr)
	}
}

// hurry sends TERM until a line comes, twice at most: one that comes before the end of
// the input has been read counts as that. It returns the line.
func (a *attached) hurry(t *testing.T) string {
	t.Helper()
	for range 2 {
		if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case line := <-a.lines:
			return line
		case <-time.After(testkit.Patience / 60):
		}
	}
	return a.hear(t)
}

// A client that closes our input and then sends TERM gets a clean end, whatever the
// server does.
func TestAttach_signalAfterEndOfInput_isStillClean(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t, "--ignore-term")}, testkit.AllowAll("a"))
	a := p.open(t)
	if got := a.answer(t, a.call(t, "s", "echo", "{}")); got.IsError {
		t.Errorf("got %s, want a result", got.raw)
	}
	if err := a.in.Close(); err != nil {
		t.Fatal(err)
	}
	_ = a.cmd.Process.Signal(syscall.SIGTERM) // It may have ended by itself.
	if code := a.end(t); code != exitFine {
		t.Errorf("got exit code %d, want 0: %s", code, a.stderr)
	}
}

// A client that reads no more takes its own end along, not the gateway and not the
// clients beside it.
func TestAttach_whoseReaderGoesAway_ends(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.AllowAll("a"))
	other := p.open(t)
	a := p.attachUnread(t)
	for range 2 { // What the first line says may be in the pipe already.
		if _, err := a.in.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n")); err != nil {
			break
		}
	}
	if err := a.cmd.Wait(); err == nil || a.cmd.ProcessState.ExitCode() != exitNo {
		t.Errorf("it ended with %v, want exit code %d: not by a signal", err, exitNo)
	}
	if got := other.answer(t, other.call(t, "s", "echo", `{"word":"beside"}`)); got.IsError || !strings.Contains(got.raw, "beside") {
		t.Errorf("the client beside it: got %s, want a result", got.raw)
	}
}

// attachUnread starts attach, whose output nobody reads.
func (p *person) attachUnread(t *testing.T) *attached {
	t.Helper()
	a, out := p.startAttach(t)
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.in.Close() })
	return a
}
