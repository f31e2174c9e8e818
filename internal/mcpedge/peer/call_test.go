package peer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fair"
	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/internal/tracecontext"
	"gatehouse/internal/weight"
	"gatehouse/testkit"
)

func TestCall_reachesTheServerAsItWasMade(t *testing.T) {
	for _, key := range []string{"notes", "a/b@c %", "..", "ü", fleet.KeyOf("a@b", "agent/1 %2F")} {
		o := newOwner(t, testkit.Says(`{"content":[],"isError":false}`), func(o *owner) { o.key = key })
		s := o.open(t)
		req := call("c1")
		req.MaxResultBytes, req.MaxBytes, req.LogLevel = 1000, 2000, endpoint.LevelNamed("warning")
		req.Capabilities = []byte(`{"elicitation":{"form":{}}}`)
		req.Trace = tracecontext.OfHeaders(map[string][]string{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
		req.Into = []byte("before")
		resp, err := s.Call(t.Context(), req)
		if err != nil {
			t.Fatalf("%q: %v", key, err)
		}
		if string(resp.Result) != `{"content":[],"isError":false}` || string(resp.Into) != "before"+string(resp.Result) || !resp.Outline.Known {
			t.Errorf("%q: got the result %s in %s (outline known: %v), want the server's, behind what was there", key, resp.Result, resp.Into, resp.Outline.Known)
		}
		got := o.session.Calls()[0]
		if got.Method != req.Method || string(got.Params) != string(req.Params) || got.By != req.By || got.MaxResultBytes != 1000 || got.MaxBytes != 2000 ||
			got.LogLevel != req.LogLevel || string(got.Capabilities) != string(req.Capabilities) || got.Trace == nil || got.Deadline.IsZero() {
			t.Errorf("%q: the server was asked %+v, want %+v", key, got, req)
		}
		if info := s.Info(); info != o.session.Info() {
			t.Errorf("got the info %+v, want the server's, %+v", info, o.session.Info())
		}
	}
}

func TestCall_withoutParams_hasNone(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	if _, err := o.open(t).Call(t.Context(), endpoint.Request{Method: "tools/list"}); err != nil {
		t.Fatal(err)
	}
	if got := o.session.Calls()[0].Params; len(got) != 0 {
		t.Errorf("the server got the params %s, want none", got)
	}
}

func TestCall_errorsOfTheServer_areItsOwn(t *testing.T) {
	o := newOwner(t, func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(`{"code":-32602,"message":"no, hunter2"}`)}, nil
	}, func(o *owner) {
		o.redact = func(s string) string { return strings.ReplaceAll(s, "hunter2", "[redacted]") }
	})
	resp, err := o.open(t).Call(t.Context(), call("c1"))
	if want := `{"code":-32602,"message":"no, [redacted]"}`; err != nil || string(resp.Error) != want {
		t.Errorf("got the error %s and %v, want %s and none", resp.Error, err, want)
	}
}

func TestCall_hearsProgressAndNoticesInOrderBeforeTheAnswer(t *testing.T) {
	o := newOwner(t, func(_ context.Context, req endpoint.Request) (endpoint.Response, error) {
		req.Progress([]byte("{\"progress\":\n1}"))
		req.Notice("notifications/message", []byte(`{"data":"x"}`))
		req.Lasts()
		req.Progress([]byte(`{"progress":2}`))
		return endpoint.Response{Result: []byte("{\"a\":\n1}")}, nil
	})
	var heard []string
	req := call("c1")
	req.Progress = func(p json.RawMessage) { heard = append(heard, string(p)) }
	req.Notice = func(m string, p json.RawMessage) { heard = append(heard, m+string(p)) }
	req.Lasts = func() { heard = append(heard, "lasts") }
	resp, err := o.open(t).Call(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"progress": 1}`, `notifications/message{"data":"x"}`, "lasts", `{"progress":2}`}
	if !slices.Equal(heard, want) || string(resp.Result) != `{"a": 1}` {
		t.Errorf("heard %q and got %s, want %q and the result on one line", heard, resp.Result, want)
	}
}

func TestCall_errorAfterProgress_isTheSameError(t *testing.T) {
	o := newOwner(t, func(_ context.Context, req endpoint.Request) (endpoint.Response, error) {
		req.Progress([]byte(`{"progress":1}`))
		return endpoint.Response{}, &endpoint.Exit{Server: "notes", Phase: endpoint.Serving, Reason: "exit status 3"}
	})
	req := call("c1")
	req.Progress = func(json.RawMessage) {}
	_, err := o.open(t).Call(t.Context(), req)
	if exit, ok := errors.AsType[*endpoint.Exit](err); !ok || exit.Reason != "exit status 3" {
		t.Errorf("got %v, want the exit of the server", err)
	}
}

func TestCall_largeResults(t *testing.T) {
	const size = 5 << 20
	big := `{"text":"` + strings.Repeat("x", size) + `"}`
	o := newOwner(t, testkit.Says(big))
	s := o.open(t)
	resp, err := s.Call(t.Context(), call("c1"))
	if err != nil || !bytes.Equal(resp.Result, []byte(big)) {
		t.Errorf("5 MiB: got %d bytes and %v, want all of them", len(resp.Result), err)
	}
	req := call("c2")
	req.MaxResultBytes = 1 << 20
	_, err = s.Call(t.Context(), req)
	if large, ok := errors.AsType[*endpoint.TooLarge](err); !ok || large.Limit != 1<<20 {
		t.Errorf("beyond the limit: got %v, want *TooLarge with the limit", err)
	}
	budget := weight.New(1<<20, time.Now)
	share := budget.Share()
	req = call("c3")
	req.Weight = &share
	if _, err = s.Call(t.Context(), req); !errors.Is(err, endpoint.ErrNoRoom) {
		t.Errorf("without room: got %v, want ErrNoRoom", err)
	}
	if _, err = s.Call(t.Context(), call("c4")); err != nil {
		t.Errorf("the session does not go on: %v", err)
	}
}

func TestCall_failuresAreTheSameAtBothEnds(t *testing.T) {
	redact := func(s string) string { return strings.ReplaceAll(s, "hunter2", "[redacted]") }
	for name, c := range map[string]struct {
		says error
		want func(error) bool
	}{
		"exit": {&endpoint.Exit{Server: "notes", Run: 3, Phase: endpoint.Serving, Reason: "exit status 3: hunter2"}, func(err error) bool {
			e, ok := errors.AsType[*endpoint.Exit](err)
			return ok && e.Reason == "exit status 3: [redacted]" && e.Phase == endpoint.Serving && e.Run == 3
		}},
		"too large": {&endpoint.TooLarge{Limit: 9, Together: true}, func(err error) bool {
			e, ok := errors.AsType[*endpoint.TooLarge](err)
			return ok && e.Limit == 9 && e.Together
		}},
		"request too large": {&endpoint.RequestTooLarge{Size: 9, Limit: 8}, func(err error) bool {
			e, ok := errors.AsType[*endpoint.RequestTooLarge](err)
			return ok && e.Size == 9 && e.Limit == 8
		}},
		"refused": {&endpoint.RefusedRequest{Reason: "no hunter2", Status: 403, RetryAfter: 2 * time.Second, Scope: "s", RPC: []byte(`{"message":"hunter2"}`), MayHaveRun: true}, func(err error) bool {
			e, ok := errors.AsType[*endpoint.RefusedRequest](err)
			return ok && e.Reason == "no [redacted]" && e.Status == 403 && e.RetryAfter == 2*time.Second && e.Scope == "s" && string(e.RPC) == `{"message":"[redacted]"}` && e.MayHaveRun
		}},
		"cut": {&endpoint.CutStream{Cause: errors.New("x")}, func(err error) bool {
			e, ok := errors.AsType[*endpoint.CutStream](err)
			return ok && e.Cause.Error() == "x"
		}},
		"bad answer": {&endpoint.BadAnswer{What: "x"}, func(err error) bool { e, ok := errors.AsType[*endpoint.BadAnswer](err); return ok && e.What == "x" }},
		"no room":    {endpoint.ErrNoRoom, func(err error) bool { return errors.Is(err, endpoint.ErrNoRoom) }},
		"stopped":    {endpoint.ErrStopped, func(err error) bool { return errors.Is(err, endpoint.ErrStopped) && !isNotWritten(err) }},
		"deadline":   {endpoint.ErrDeadline, func(err error) bool { return errors.Is(err, endpoint.ErrDeadline) && !isNotWritten(err) }},
		"renewed":    {&endpoint.NotWritten{Cause: endpoint.ErrRenewed}, func(err error) bool { return errors.Is(err, endpoint.ErrRenewed) && isNotWritten(err) }},
		"unwritten":  {&endpoint.NotWritten{Cause: errors.New("hunter2")}, func(err error) bool { return isNotWritten(err) && !strings.Contains(err.Error(), "hunter2") }},
		"anything": {errors.New("x hunter2"), func(err error) bool {
			e, ok := errors.AsType[*endpoint.CutStream](err)
			return ok && e.Cause.Error() == "x [redacted]"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOwner(t, func(context.Context, endpoint.Request) (endpoint.Response, error) { return endpoint.Response{}, c.says },
				func(o *owner) { o.redact = redact })
			_, err := o.open(t).Call(t.Context(), call("c1"))
			if !c.want(err) {
				t.Errorf("got %#v, want what the owner got: %#v", err, c.says)
			}
		})
	}
}

// What a refusal is about is known before anything of a call is sent: it never runs
// where it was refused, and may run elsewhere.
func TestCall_refusedByTheOwner_isNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *owner)
		kind   string
	}{
		"not owned":        {func(o *owner) { o.gone.Store(true) }, "moved"},
		"another epoch":    {func(o *owner) { o.epoch.Store(theEpoch + 1) }, "moved"},
		"no tenure":        {func(o *owner) { o.lapsed.Store(true) }, "moved"},
		"draining":         {func(o *owner) { o.cell.Close() }, "draining"},
		"not running":      {func(o *owner) { testkit.Publish(o.cell, endpoint.Status{State: endpoint.BackingOff}) }, "not-ready"},
		"newer generation": {func(o *owner) { o.generation.Store(6) }, "stale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOwner(t, testkit.Says(`{}`))
			s := o.open(t)
			c.change(o)
			_, err := s.Call(t.Context(), call("c1"))
			refused, ok := errors.AsType[*peer.Refused](err)
			if !isNotWritten(err) || !ok || refused.Kind != c.kind || len(o.session.Calls()) != 0 {
				t.Errorf("got %v after %d calls, want a *NotWritten of the kind %q and none", err, len(o.session.Calls()), c.kind)
			}
			await(t, "the end of the session", s.Done())
			if _, err := o.client.Open(t.Context(), o.target()); err == nil {
				t.Error("a session was opened, want the same refusal")
			}
		})
	}
}

func TestOpen_withAnotherForm_isRefused(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	target := o.target()
	target.Form = "another"
	_, err := reached(t, func() (*peer.Session, error) { return o.client.Open(t.Context(), target) })
	if refused, ok := errors.AsType[*peer.Refused](err); !ok || refused.Kind != "stale" || refused.Generation != 5 {
		t.Errorf("got %v, want it refused as stale, with the owner's generation", err)
	}
}

func TestCall_decidedByAnOlderGeneration_isDecidedAnewOnceThisGatewayHasCaughtUp(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	o.generation.Store(6)
	done := begun(t.Context(), s, call("c1"))
	o.mine.Store(6)
	if err := await(t, "the call", done); !isNotWritten(err) || !errors.Is(err, endpoint.ErrStale) {
		t.Errorf("got %v, want a *NotWritten with ErrStale", err)
	}
	req := call("c2")
	req.Generation = 6
	if _, err := s.Call(t.Context(), req); err != nil {
		t.Errorf("decided anew: %v", err)
	}
}

func TestCall_placesAreThoseOfTheWholeFleet(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`), func(o *owner) { o.places = 1 })
	s := o.open(t)
	o.cell.Enter(fair.Owner{Who: "from", Name: "ci"}, 1)
	if _, err := s.Call(t.Context(), call("c1")); !isNotWritten(err) || !errors.Is(err, endpoint.ErrFull) {
		t.Errorf("got %v, want a *NotWritten with ErrFull", err)
	}
	o.cell.Leave(fair.Owner{Who: "from", Name: "ci"})
	if _, err := s.Call(t.Context(), call("c2")); err != nil || o.cell.InFlight() != 0 {
		t.Errorf("with a place: got %v and %d in flight afterwards, want none", err, o.cell.InFlight())
	}
}

func TestCall_ofWhoEndsTheServer_isRefused(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	s := o.open(t)
	o.cell.PublishGuard(&endpoint.Guard{Blocks: []endpoint.Block{{
		Caller: endpoint.Caller{Origin: "from", Agent: "ci"}, Until: time.Now().Add(time.Minute), Reason: "exit status 3",
	}}})
	_, err := s.Call(t.Context(), call("c1"))
	refused, ok := errors.AsType[*endpoint.RefusedRequest](err)
	if !ok || refused.MayHaveRun || refused.RetryAfter < 30*time.Second || len(o.session.Calls()) != 0 {
		t.Errorf("got %v, want it refused for about a minute, and not run", err)
	}
}

func TestRunning_saysWhetherAnythingStillRuns(t *testing.T) {
	o := newOwner(t, testkit.Says(`{}`))
	look := func() (bool, error) { return o.client.Running(t.Context(), o.proxy.Addr(), o.key) }
	running, err := reached(t, look)
	if err != nil || !running {
		t.Errorf("got %v and %v, want that it runs", running, err)
	}
	o.gone.Store(true)
	running, err = reached(t, look)
	if err != nil || running {
		t.Errorf("got %v and %v, want that nothing runs", running, err)
	}
	answer, err := reached(t, func() (fleet.TenureAnswer, error) { return o.client.Tenure(t.Context(), o.proxy.Addr()) })
	if want := (fleet.TenureAnswer{Node: "n1", Tenure: true, Generation: 5}); err != nil || answer != want {
		t.Errorf("got %+v and %v, want %+v", answer, err, want)
	}
}
