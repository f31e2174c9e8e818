package surface_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front/surface"
	"gatehouse/testkit"
)

// Whose a bare URI or a name with a hash is depends on lists that nobody may have
// asked for yet.
func TestAll_listsThatDecideWhatIsMeant_areReadFirst(t *testing.T) {
	for _, c := range []struct{ method, params, sent string }{
		{"resources/read", `{"uri":"note://a"}`, `{"uri":"note://a"}`},
		{"prompts/get", fmt.Sprintf(`{"name":%q}`, surface.JoinedName("db", "say hi")), `{"name":"say hi"}`},
	} {
		db, session := whole(all)
		s := newAll(t, allowAll, db)
		s.Refresh = lists(db, session.Info(), map[endpoint.List][]string{endpoint.Resources: {"note://a"}, endpoint.Templates: {}, endpoint.Prompts: {"say hi"}})
		_, failure := s.ask(old, c.method, c.params)
		if calls := session.Calls(); len(calls) != 1 || string(calls[0].Params) != c.sent {
			t.Errorf("%s %s: got %s and that %v was sent, want %s", c.method, c.params, failure, calls, c.sent)
		}
	}
}

// A refusal of what two servers have is in the audit log as any other.
func TestAll_aURIOfTwoServers_isRefusedOnTheRecord(t *testing.T) {
	db, session := whole(all)
	other, _ := whole(all)
	other.Entry.Name = "other"
	for _, b := range []*testkit.Backend{db, other} {
		lists(b, session.Info(), map[endpoint.List][]string{endpoint.Resources: {"note://a"}, endpoint.Templates: {}})("", nil)
	}
	s := newAll(t, allowAll, db, other)
	_, failure := s.ask(old, "resources/read", `{"uri":"note://a"}`)
	if !strings.HasPrefix(failure, `{"code":-32602`) || !strings.Contains(failure, `"available":["gatehouse://db/note://a","gatehouse://other/note://a"]`) {
		t.Errorf("got %s, want an error -32602 with both names", failure)
	}
	if r := s.Record(); r.Operation != "resources/read" || r.Resource != "note://a" || r.Outcome != "INVALID_ARGUMENT" || r.AgentID != "a" {
		t.Errorf("got the record %+v, want one of the refusal", r)
	}
}

// A client that asks as soon as it is there gets the tools of servers that are about
// to be; one that never is, or has failed, costs it no more than a moment, once.
func TestAll_toolsOfServersThatStart_areWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		soon := testkit.NewBackend("soon", endpoint.Status{State: endpoint.Starting})
		lazy := testkit.NewBackend("lazy", endpoint.Status{State: endpoint.Idle})
		never := testkit.NewBackend("never", endpoint.Status{State: endpoint.Starting})
		failed := testkit.NewBackend("failed", endpoint.Status{State: endpoint.BackingOff, Restarts: 1})
		s := newAll(t, allowAll, soon, lazy, failed)
		s.Wake = func(string, *endpoint.Cell) { lazy.Has("tool") }
		go func() {
			time.Sleep(time.Second)
			soon.Has("tool")
		}()
		const want = `{"tools":[{"name":"lazy__tool"},{"name":"soon__tool"}]}`
		for i, wait := range []time.Duration{time.Second, 0} {
			begun := time.Now()
			if got, _ := s.ask(old, "tools/list", ""); got != want || time.Since(begun) != wait {
				t.Errorf("time %d: got %s after %v, want %s after %v", i, got, time.Since(begun), want, wait)
			}
		}
		if got := s.Heard(); len(got) != 1 || got[0] != "wake lazy" {
			t.Errorf("got %v, want that the one that sleeps was woken once", got)
		}
		s.Next(allowAll, soon, lazy, never)
		for i, wait := range []time.Duration{2 * time.Second, 0} {
			begun := time.Now()
			if got, _ := s.ask(old, "tools/list", ""); got != want || time.Since(begun) != wait {
				t.Errorf("with one that never starts, time %d: got %s after %v, want %s after %v", i, got, time.Since(begun), want, wait)
			}
		}
	})
}
