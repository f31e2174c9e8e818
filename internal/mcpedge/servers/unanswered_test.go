package servers_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// by is a tool call with an id.
func by(id string) endpoint.Request {
	req := tool(fmt.Sprintf("%q", id))
	req.By = endpoint.Call{ID: id, Agent: "a", Tool: "t"}
	return req
}

func wantUnanswered(t *testing.T, s endpoint.Session, ids ...string) {
	t.Helper()
	var got []string
	for _, c := range s.Unanswered().First {
		got = append(got, c.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("unanswered are %q, want %q", got, ids)
	}
}

func TestUnanswered_areTheCallsThatRanAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		answered := call(t.Context(), s, by("answered"))
		p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, p.read().ID)
		<-answered
		call(t.Context(), s, by("first"))
		p.read()
		call(t.Context(), s, tool(`"ours"`)) // Nobody's tool call.
		p.read()
		ctx, leave := context.WithCancel(t.Context())
		left := call(ctx, s, by("left"))
		p.read()
		leave()
		<-left
		p.read() // notifications/cancelled
		call(t.Context(), s, by("second"))
		p.read()
		call(t.Context(), s, by("being written"))
		synctest.Wait() // The peer does not read it.
		call(t.Context(), s, by("queued"))
		synctest.Wait()
		wantUnanswered(t, s)
		s.Close(errGone)
		<-s.Done()
		wantUnanswered(t, s, "first", "second", "being written")
	})
}

// A server that hangs does so over a call that has timed out by then.
func TestUnanswered_timedOutCallOfASilentServer_isOneOfThem(t *testing.T) {
	for _, c := range []struct {
		name  string
		heard bool
		want  []string
	}{
		{"silent since", false, []string{"late"}},
		{"heard of since", true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := open(t, servers.Options{})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				late := call(ctx, s, by("late"))
				p.read()
				<-late
				p.read() // notifications/cancelled
				if c.heard {
					p.write(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
					synctest.Wait()
				}
				s.Close(errGone)
				<-s.Done()
				wantUnanswered(t, s, c.want...)
			})
		})
	}
}

func TestHTTPUnanswered_areTheCallsThatRanAtTheEnd(t *testing.T) {
	arrived := make(chan struct{}, 2)
	o := newOdd(t, func(w http.ResponseWriter, r *http.Request, m request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	s, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: o.URL, Transport: servers.StreamableHTTP})
	if err != nil {
		t.Fatal(err)
	}
	one := call(t.Context(), s, by("one"))
	await(t, arrived)
	two := call(t.Context(), s, by("two"))
	await(t, arrived)
	s.Close(errGone)
	await(t, one)
	await(t, two)
	await(t, s.Done())
	wantUnanswered(t, s, "one", "two")
}

// Whoever looks for the call that has ended a server must see more than what is
// unanswered: a call can be given up before it does harm, and answered as well.
func TestUnanswered_whatElseMayHaveEndedTheServer(t *testing.T) {
	from := func(id, agent string) endpoint.Request {
		req := by(id)
		req.By.Agent = agent
		return req
	}
	synctest.Test(t, func(t *testing.T) {
		s, p := open(t, servers.Options{})
		answer := func(id, agent string) {
			answered := call(t.Context(), s, from(id, agent))
			p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, p.read().ID)
			<-answered
		}
		giveUp := func(id, agent string) {
			ctx, leave := context.WithCancel(t.Context())
			left := call(ctx, s, from(id, agent))
			p.read()
			leave()
			<-left
			p.read() // notifications/cancelled
		}
		giveUp("long ago", "old")
		time.Sleep(time.Minute)
		answer("1", "a")
		giveUp("given up", "b")
		answer("2", "c")
		answer("3", "a")
		answer("4", "d")
		call(t.Context(), s, from("running", "e"))
		p.read()
		s.Close(errGone)
		<-s.Done()
		got := s.Unanswered()
		var ran []string
		for _, c := range got.Ran {
			ran = append(ran, c.ID)
		}
		if want := []string{"running", "given up"}; fmt.Sprint(ran) != fmt.Sprint(want) {
			t.Errorf("may have run: got %q, want %q", ran, want)
		}
		if got.Before.ID != "4" || !got.BeforeOnce {
			t.Errorf("answered last: got %q, once %t; want 4, once", got.Before.ID, got.BeforeOnce)
		}
		wantUnanswered(t, s, "running")
	})
}
