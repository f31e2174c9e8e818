package journal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/eventstream"
	"github.com/google/go-cmp/cmp"

	"gatehouse/actors/journal"
	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

func remember() (*eventstream.EventStream, *journal.Memory) {
	stream := eventstream.NewEventStream()
	return stream, journal.Remember(stream)
}

func TestMemory_keepsTheLastReloadOfEachFile(t *testing.T) {
	stream, m := remember()
	for _, r := range []messages.ConfigReloaded{
		{File: "b", Outcome: messages.Applied, Generation: 1},
		{File: "a", Outcome: messages.Rejected, Generation: 1},
		{File: "b", Outcome: messages.Rejected, Generation: 1},
		{File: "b", Outcome: messages.Unchanged, Generation: 1},
		{Role: messages.RoleOperator, Trigger: messages.TriggerRestart, Outcome: messages.Applied},
	} {
		stream.Publish(r)
	}
	var got []string
	for _, r := range m.Reloads() {
		got = append(got, r.File+" "+string(r.Outcome))
		if r.At.IsZero() {
			t.Errorf("%s has no time", r.File)
		}
	}
	if diff := cmp.Diff([]string{"a rejected", "b unchanged"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMemory_aRejectedReload_knowsWhenTheFileWasLastGood(t *testing.T) {
	stream, m := remember()
	for _, outcome := range []messages.Outcome{messages.Rejected, messages.Applied, messages.Rejected, messages.Rejected} {
		stream.Publish(messages.ConfigReloaded{File: "f", Outcome: outcome})
	}
	all := m.AllReloads()
	if !all[0].Good.IsZero() {
		t.Errorf("good before anything was: got %v, want never", all[0].Good)
	}
	for _, r := range all[1:] {
		if !r.Good.Equal(all[1].At) {
			t.Errorf("good: got %v, want %v, when it was applied", r.Good, all[1].At)
		}
	}
}

func TestMemory_moments_areThoseOfTheLatestRunAndCrash(t *testing.T) {
	stream, m := remember()
	if began, crashed := m.Moments("db"); !began.IsZero() || !crashed.IsZero() {
		t.Errorf("of a server that never ran: got %v, %v, want neither", began, crashed)
	}
	stream.Publish(messages.ServerStarting{Server: "db", Run: 1})
	first, _ := m.Moments("db")
	stream.Publish(messages.ServerCrashed{Exit: &endpoint.Exit{Server: "db", Run: 1}})
	stream.Publish(messages.ServerStarting{Server: "db", Run: 2})
	began, crashed := m.Moments("db")
	if !began.After(first) || crashed.IsZero() || crashed.Before(first) || began.Before(crashed) {
		t.Errorf("got run 1 at %v, its end at %v, run 2 at %v; want one after the other", first, crashed, began)
	}
	if c := m.Crashes("db"); len(c) != 1 || !c[0].At.Equal(crashed) {
		t.Errorf("got crashes %v, want one at %v", c, crashed)
	}
}

func TestMemory_filesWithoutEnd_areForgotten(t *testing.T) {
	stream, m := remember()
	for i := range 1000 {
		stream.Publish(messages.ConfigReloaded{File: fmt.Sprintf("%04d", i)})
	}
	got := m.Reloads()
	if len(got) > 300 || got[len(got)-1].File != "0999" {
		t.Errorf("%d reports are kept, the last of %s, want at most 300, the last of 0999", len(got), got[len(got)-1].File)
	}
}

func TestMemory_keepsTheLastFailureUntilTheServerIsRemoved(t *testing.T) {
	stream, m := remember()
	if _, ok := m.Failure("db"); ok {
		t.Error("a server that never failed has a failure")
	}
	stream.Publish(messages.ServerCrashed{Exit: &endpoint.Exit{Server: "db", Reason: "exit status 3"}})
	stream.Publish(messages.ServerReady{Server: "db"})
	if f, ok := m.Failure("db"); !ok || f.Reason != "exit status 3" || f.At.IsZero() {
		t.Errorf("after it is ready again: %+v %v, want exit status 3, and when", f, ok)
	}
	stream.Publish(messages.ServerQuarantined{Server: "db", Reason: "too many"})
	if f, _ := m.Failure("db"); f.Reason != "too many" {
		t.Errorf("got %q, want %q", f.Reason, "too many")
	}
	stream.Publish(messages.ServerNeedsAuth{Server: "web", Reason: "401"})
	stream.Publish(messages.ConfigReloaded{File: "f", Removed: []string{"db"}})
	if _, ok := m.Failure("db"); ok {
		t.Error("a removed server still has its failure")
	}
	if f, ok := m.Failure("web"); !ok || f.Reason != "401" {
		t.Errorf("got %+v %v, want 401", f, ok)
	}
}

func TestMemory_drainsLastUntilTheActorHasStopped(t *testing.T) {
	stream, m := remember()
	stream.Publish(messages.ServerDraining{Server: "db", Generation: 3, Serial: 2})
	stream.Publish(messages.ServerDraining{Server: "db", Generation: 1, Serial: 1})
	stream.Publish(messages.ServerDraining{Server: "api", Generation: 2})
	stream.Publish(messages.ServerStopped{Server: "db", Generation: 1, Serial: 1})
	got := m.Draining()
	for i := range got {
		if got[i].Since.IsZero() {
			t.Errorf("%v drains since never, want since when", got[i])
		}
		got[i].Since = time.Time{}
	}
	if diff := cmp.Diff([]admin.Drain{{Server: "api", Generation: 2}, {Server: "db", Generation: 3}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
