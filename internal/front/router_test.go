package front_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// The router takes a method that no tool knows, and its own words speak of
// what the surface speaks of.
func TestForward_aMethodThatNoToolKnows(t *testing.T) {
	for _, c := range []struct {
		name, resource string
		server         *testkit.Backend
		want           string // the answer, or the failure's error object
		sent           int
	}{
		{"reaches the server", uri, testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri), contents, 1},
		{"a server that never listed any is simply asked", uri, testkit.ReadyBackend("db", testkit.Says(contents)), contents, 1},
		{
			"denied by its own rules", "file:///secret/x", testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri, "file:///secret/x"),
			`{"code":"DENIED_BY_POLICY","message":"No resource \"file:///secret/x\" on \"db\" that you may use. You may use: file:///notes.txt. Correct the name; if none fits, tell the user.",` +
				`"server":"db","resource":"file:///secret/x","available":["file:///notes.txt"],"generation":1,"call_id":"gw-1"}`, 0,
		},
		{
			"not listed", "file:///other", testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri),
			`{"code":"RESOURCE_NOT_FOUND","message":"There is no resource \"file:///other\" on \"db\". You may use: file:///notes.txt. Correct the name; if none fits, tell the user.",` +
				`"server":"db","resource":"file:///other","available":["file:///notes.txt"],"generation":1,"call_id":"gw-1"}`, 0,
		},
		{
			"too large", uri, testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
				return endpoint.Response{}, &endpoint.TooLarge{Limit: 7}
			}),
			`{"code":"RESULT_TOO_LARGE","message":"The result of \"db\" is larger than 7 bytes and was dropped; it has been read. Ask for less.",` +
				`"server":"db","resource":"file:///notes.txt","may_have_run":true,"generation":1,"call_id":"gw-1"}`, 1,
		},
		{
			"the operation reads the answer", uri, testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
				return endpoint.Response{Error: json.RawMessage(`"no"`)}, nil
			}),
			`{"code":"SERVER_ERROR","message":"\"no\"","server":"db","resource":"file:///notes.txt","generation":1,"call_id":"gw-1"}`, 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			session, _ := c.server.Cell.Status().Session.(*testkit.Session)
			h := newHouse(t, front.Config{}, c.server)
			got, fail := h.read(t.Context(), c.resource)
			if fail != nil {
				got = string(fail.JSON())
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			sent := session.Calls()
			if len(sent) != c.sent {
				t.Fatalf("the server was sent %d requests, want %d", len(sent), c.sent)
			}
			if c.sent > 0 && (sent[0].Method != "resources/read" || string(sent[0].Params) != `{"uri":"file:///notes.txt"}`) {
				t.Errorf("the server was sent %s %s, want resources/read of %s", sent[0].Method, sent[0].Params, uri)
			}
			if n := c.server.Cell.InFlight(); n != 0 {
				t.Errorf("%d calls are in flight afterwards, want 0", n)
			}
		})
	}
}

// The router fills in who calls, by when, and how large the answer may be.
func TestForward_addsWhatTheRouterKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := testkit.NewSession(1, testkit.Says(contents))
		db := testkit.NewBackend("db", testkit.Ready(1, session))
		db.Entry.Settings.MaxResultBytes = 12345
		h := newHouse(t, front.Config{}, db)
		if _, fail := h.read(t.Context(), uri); fail != nil {
			t.Fatalf("got %v, want no failure", fail)
		}
		got := session.Calls()[0]
		if want := (endpoint.Call{ID: "gw-1", Agent: "a", Tool: uri}); got.By != want || got.MaxResultBytes != 12345 || !got.Deadline.Equal(time.Now().Add(callTime)) {
			t.Errorf("got %+v, limit %d, deadline %v; want %+v, 12345, in %v", got.By, got.MaxResultBytes, got.Deadline, want, callTime)
		}
		record := h.Record()
		record.PolicyHash = ""
		if want := (audit.Record{
			CallID: "gw-1", Client: "tester/1", Operation: "resources/read", AgentID: "a", RequestedAgent: "a", Server: "db",
			Decision: audit.Allow, Step: "tool_denied_pattern", Generation: 1, Outcome: "ok", Sent: 27, Got: 54,
		}); record != want {
			t.Errorf("got the record %+v, want %+v", record, want)
		}
	})
}

// Each list that was waited for is followed by a fresh decision, whatever the
// list says.
func TestListed_aFreshListIsFollowedByAFreshDecision(t *testing.T) {
	for _, fresh := range [][]string{{uri}, {"other"}} {
		synctest.Test(t, func(t *testing.T) {
			session := testkit.NewSession(1, testkit.Says(contents))
			db := testkit.NewBackend("db", testkit.Ready(1, session)).HasFrom(time.Now().Add(-time.Hour), "other")
			h := newHouse(t, front.Config{}, db)
			h.Refresh = func(string, *endpoint.Cell) {
				h.Next(denyAll, db)
				db.Has(fresh...)
			}
			_, fail := h.read(t.Context(), uri)
			if codeOf(fail) != front.CodeDenied || fail.Generation != 2 || len(session.Calls()) != 0 {
				t.Errorf("list %q: got %+v and %d requests, want DENIED_BY_POLICY by generation 2 and none", fresh, fail, len(session.Calls()))
			}
			if heard := h.Heard(); !slices.Equal(heard, []string{"refresh db"}) {
				t.Errorf("the supervisor heard %q, want one refresh", heard)
			}
		})
	}
}

// A call that has reached its deadline after it was written is counted at its
// server: that is how a server that hangs is found out.
func TestSent_aTimeoutAfterTheRequestWasWritten_isCountedAsOverdue(t *testing.T) {
	notTaken := func(ctx context.Context, _ endpoint.Request) (endpoint.Response, error) {
		<-ctx.Done()
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(ctx)}
	}
	for _, c := range []struct {
		name   string
		server func() *testkit.Backend
		code   string
		want   uint64
	}{
		{"written and not answered", func() *testkit.Backend { return testkit.ReadyBackend("db", testkit.Hangs) }, front.CodeTimeout, 1},
		{"never written", func() *testkit.Backend { return testkit.ReadyBackend("db", notTaken) }, front.CodeTimeout, 0},
		{"not ready", func() *testkit.Backend { return testkit.NewBackend("db", endpoint.Status{State: endpoint.Starting}) }, front.CodeServerUnavailable, 0},
		{"answered", func() *testkit.Backend { return testkit.ReadyBackend("db", testkit.Says(contents)) }, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := c.server()
				_, fail := newHouse(t, front.Config{}, db).read(t.Context(), uri)
				if got := db.Cell.Overdue(); codeOf(fail) != c.code || got != c.want {
					t.Errorf("got %q and %d overdue calls, want %q and %d", codeOf(fail), got, c.code, c.want)
				}
			})
		})
	}
}

// An attempt that has not written anything is made again on the snapshot that
// is current then; the call never counts in two cells.
func TestForward_aClosedCell_isFollowedToItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := testkit.ReadyBackend("db", testkit.Says(contents)).HasFrom(time.Now().Add(-time.Hour), "other")
		next := testkit.NewSession(2, testkit.Says(contents))
		h := newHouse(t, front.Config{}, old)
		h.Refresh = func(string, *endpoint.Cell) {
			h.Next(allowAll, old.Again(testkit.Ready(1, next)))
			old.Cell.Close()
		}
		_, fail := h.read(t.Context(), uri)
		if fail != nil || len(next.Calls()) != 1 || h.Record().Generation != 2 || old.Cell.InFlight() != 0 {
			t.Errorf("got %v, %d requests, generation %d, %d in the old cell; want none, 1, 2, 0",
				fail, len(next.Calls()), h.Record().Generation, old.Cell.InFlight())
		}
	})
}

// A call that was not written waits outside of the cell: no drain waits for it,
// and no limit of calls in flight counts it.
func TestSent_whatWasNotWritten_waitsOutsideOfTheCell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := testkit.NewSession(1, testkit.Says(contents))
		gone.Close(errDisk)
		db := testkit.NewBackend("db", testkit.Ready(1, gone))
		h := newHouse(t, front.Config{}, db)
		done := make(chan *front.Failure)
		go func() {
			_, fail := h.read(t.Context(), uri)
			done <- fail
		}()
		synctest.Wait()
		if got := db.Cell.InFlight(); got != 0 {
			t.Errorf("%d calls are in flight while one waits, want 0", got)
		}
		testkit.Publish(db.Cell, testkit.Ready(2, testkit.NewSession(2, testkit.Says(contents))))
		if fail := <-done; fail != nil {
			t.Errorf("got %v, want no failure", fail)
		}
	})
}

// A request that was refused because the server had forgotten the session did
// not run: it is sent again at once in the new one, a few times.
func TestSent_aSessionThatWasForgotten_isNoFailure(t *testing.T) {
	for _, c := range []struct {
		name      string
		forgotten int
		code      string
		sent      int
	}{
		{"once", 1, "", 2},
		{"for ever", 1000, front.CodeServerUnavailable, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				session := testkit.NewSession(1, func(context.Context, endpoint.Request) (endpoint.Response, error) {
					if n++; n <= c.forgotten {
						return endpoint.Response{}, &endpoint.NotWritten{Cause: endpoint.ErrRenewed}
					}
					return endpoint.Response{Result: json.RawMessage(contents)}, nil
				})
				db := testkit.NewBackend("db", testkit.Ready(1, session))
				_, fail := newHouse(t, front.Config{}, db).read(t.Context(), uri)
				if got := len(session.Calls()); codeOf(fail) != c.code || got != c.sent {
					t.Errorf("got %q after %d requests, want %q after %d", codeOf(fail), got, c.code, c.sent)
				}
			})
		})
	}
}

// An error that concerns one request says so, and whether it may have run.
func TestSent_anErrorOfOneRequest(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{
			"its stream was cut", &endpoint.CutStream{Cause: errors.New("unexpected EOF s3cr3t-value")},
			`{"code":"SERVER_CRASHED","message":"\"db\" broke off while running this (unexpected EOF [redacted TOKEN]); it may have taken effect. Check before repeating.",` +
				`"server":"db","resource":"file:///notes.txt","may_have_run":true,"generation":1,"call_id":"gw-1"}`,
		},
		{
			"it was refused, and may be tried later", &endpoint.RefusedRequest{Reason: "HTTP status 429", RetryAfter: 7 * time.Second},
			`{"code":"SERVER_ERROR","message":"\"db\" refused this call: HTTP status 429. Not run. Try again after 7 s, at most twice, then tell the user.",` +
				`"server":"db","resource":"file:///notes.txt","retry_after_ms":7000,"generation":1,"call_id":"gw-1"}`,
		},
		{
			"it was refused for want of a scope", &endpoint.RefusedRequest{Reason: "HTTP status 403", Scope: "files:write"},
			`{"code":"SERVER_ERROR","message":"\"db\" refused this call: HTTP status 403; it asks for the scope \"files:write\". Not run. Correct the call if the error says how; else tell the user.",` +
				`"server":"db","resource":"file:///notes.txt","generation":1,"call_id":"gw-1"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) { return endpoint.Response{}, c.err })
			_, fail := newHouse(t, front.Config{}, db).read(t.Context(), uri)
			if got := string(fail.JSON()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// The user may copy the command that brings a login.
func TestSent_refusedForWantOfALogin_namesTheCommandQuoted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("words are quoted in another way there")
	}
	for name, want := range map[string]string{"my $db": "Log in with: gatehouse login 'my $db'", "-x": "Log in with: gatehouse login -- -x"} {
		db := testkit.ReadyBackend(name, func(context.Context, endpoint.Request) (endpoint.Response, error) {
			return endpoint.Response{}, &endpoint.RefusedRequest{Status: http.StatusUnauthorized, Reason: "HTTP status 401"}
		}).With(func(e *serversfile.Entry) { e.Transport = serversfile.HTTP })
		h := newHouse(t, front.Config{}, db)
		r := &read{}
		r.RequestedAgent, r.Target = "a", front.Target{Kind: &resources, Server: name, Name: uri}
		h.router.Start(&r.Call)
		defer h.router.Finish(&r.Call)
		fail := r.End(h.router.Forward(t.Context(), &r.Call, r))
		if fail == nil || !strings.HasSuffix(fail.Message, want) {
			t.Errorf("got %+v, want %q", fail, want)
		}
	}
}

// A failure that is not the router's own, which would be a bug, is INTERNAL
// and repeats nothing.
func TestEnd_anErrorThatIsNoFailure_isInternal(t *testing.T) {
	h := newHouse(t, front.Config{})
	var c front.Call
	h.router.Start(&c)
	fail := c.End(errDisk)
	h.router.Finish(&c)
	if codeOf(fail) != front.CodeInternal || fail.Message != "The gateway failed. Tell the user." || fail.Generation != 1 {
		t.Errorf("got %+v, want INTERNAL without details, by generation 1", fail)
	}
}

// Who has lost its fleet may not know what the rules are by now.
func TestIdentify_whileTheConfigurationIsStale_refusesEverything(t *testing.T) {
	stale := true
	db := testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri)
	h := newHouse(t, front.Config{Stale: func() bool { return stale }}, db)
	if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeConfigStale || fail.RetryAfterMS == 0 {
		t.Errorf("a call: got %+v, want %s with a time to try again", fail, front.CodeConfigStale)
	}
	if got := h.Record(); got.Outcome != front.CodeConfigStale || got.AgentID != "a" || got.Decision != audit.Error {
		t.Errorf("audited: got %+v, want the refusal of agent a", got)
	}
	stale = false
	if _, fail := h.read(t.Context(), uri); fail != nil {
		t.Errorf("once it is not: got %v, want no failure", fail)
	}
}

// As long as nobody knows what the rules are, nothing runs, and the audit log
// says why.
func TestIdentify_whileTheRulesAreUnknown_refusesEverything(t *testing.T) {
	unknown := true
	db := testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri)
	h := newHouse(t, front.Config{RulesUnknown: func() bool { return unknown }}, db)
	if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeRulesUnreadable || fail.RetryAfterMS == 0 {
		t.Errorf("a call: got %+v, want %s with a time to try again", fail, front.CodeRulesUnreadable)
	}
	if got := h.Record(); got.Outcome != front.CodeRulesUnreadable || got.AgentID != "a" || got.Decision != audit.Error {
		t.Errorf("audited: got %+v, want the refusal of agent a", got)
	}
	if _, fail := h.lists(t.Context()); codeOf(fail) != front.CodeRulesUnreadable {
		t.Errorf("a look at the lists: got %q, want %s", codeOf(fail), front.CodeRulesUnreadable)
	}
	unknown = false
	if _, fail := h.read(t.Context(), uri); fail != nil {
		t.Errorf("once they are known: got %v, want no failure", fail)
	}
}
