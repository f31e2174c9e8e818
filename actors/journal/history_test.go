package journal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/actors/journal"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// told is a history as texts.
func told(m *journal.Memory, server string) []string {
	events, lines := m.History(server)
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s: %s", e.Run, e.Event, e.Details)))
	}
	for _, l := range lines {
		out = append(out, fmt.Sprintf("%d junk=%v %s", l.Run, l.Junk, l.Line))
	}
	return out
}

func TestHistory_tellsTheLifeOfEachServer(t *testing.T) {
	stream, m := remember()
	for _, e := range []any{
		messages.ServerStarting{Server: "db", Generation: 1, Run: 1},
		messages.ServerStarting{Server: "api", Generation: 1, Run: 1},
		messages.ServerSaid{Server: "db", Run: 1, Line: "Cannot find module x"},
		messages.ServerJunk{Server: "db", Run: 1, Line: "welcome"},
		messages.ServerCrashed{Exit: &endpoint.Exit{Server: "db", Run: 1, Phase: endpoint.Handshake, Reason: "exit status 1", Stderr: []string{"Cannot find module x"}}},
		messages.ServerBackingOff{Server: "db", Run: 1, Attempt: 1, Delay: time.Second, Reason: "exit status 1"},
		messages.GatewayReady{Generation: 1},
		messages.ToolsListed{Server: "db", Tools: 3}, // Of level debug.
		messages.ServerReady{Server: "db", Run: 2, PID: 7, Tools: 3, Elapsed: time.Second},
	} {
		stream.Publish(e)
	}
	want := []string{
		"1 server starting:",
		"1 server crashed: exit status 1",
		"1 server backing off: attempt=1 delay=1s",
		"2 server ready: pid=7 tools=3 elapsed=1s",
		"1 junk=false Cannot find module x",
		"1 junk=true welcome",
	}
	if diff := cmp.Diff(want, told(m, "db")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	stream.Publish(messages.ConfigReloaded{File: "f", Removed: []string{"db"}})
	if got := told(m, "db"); got != nil {
		t.Errorf("of a removed server: got %q, want nothing", got)
	}
	if got := told(m, "api"); len(got) != 1 {
		t.Errorf("of the other one: got %q, want one event", got)
	}
}

func TestHistory_keepsTheNewestOfWhatHasNoEnd(t *testing.T) {
	stream, m := remember()
	long := strings.Repeat("é", 5000)
	for i := range 1000 {
		stream.Publish(messages.ServerSleeping{Server: "db", Run: uint64(i)})
		stream.Publish(messages.ServerSaid{Server: "db", Run: uint64(i), Line: long})
		stream.Publish(messages.ServerNeedsAuth{Server: "web", Reason: long})
	}
	events, lines := m.History("db")
	if len(events) != 30 || events[29].Run != 999 || len(lines) != 20 || lines[19].Run != 999 {
		t.Errorf("got %d events and %d lines, want the last 30 and 20", len(events), len(lines))
	}
	refused, _ := m.History("web")
	for _, text := range []string{lines[0].Line, refused[0].Details} {
		if len(text) > 1000 || !utf8.ValidString(text) {
			t.Errorf("got a text of %d bytes, want 1000 at most, cut between characters", len(text))
		}
	}
}

func TestHistory_ofServersWithoutEnd_isForgotten(t *testing.T) {
	stream, m := remember()
	for i := range 3000 {
		stream.Publish(messages.ServerSleeping{Server: fmt.Sprint("s", i)})
	}
	kept := 0
	for i := range 3000 {
		if events, _ := m.History(fmt.Sprint("s", i)); len(events) > 0 {
			kept++
		}
	}
	if kept != 2048 {
		t.Errorf("got the history of %d servers, want 2048", kept)
	}
	if events, _ := m.History("s2999"); len(events) != 1 {
		t.Error("the newest is among the forgotten")
	}
}
