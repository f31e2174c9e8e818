package front_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/policy"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
)

// Of a server that the agent may not use nothing is named, and the audit log
// says deny.
func TestPermit_aDeniedServer_namesNothingOfIt(t *testing.T) {
	db := testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri)
	h := newHouse(t, front.Config{}, db)
	h.Next(denyAll, db)
	_, fail := h.read(t.Context(), uri)
	if codeOf(fail) != front.CodeDenied || !strings.HasPrefix(fail.Message, `No server "db"`) || fail.Available == nil || len(fail.Available) > 0 {
		t.Errorf("got %+v, want DENIED_BY_POLICY, no word of its resources and no name to use instead", fail)
	}
	if got := h.Record(); got.Decision != audit.Deny || got.Outcome != front.CodeDenied {
		t.Errorf("got the record %+v, want a deny", got)
	}
}

// A connection whose credential and whose pin have no agent in common may be
// nobody, and is told that it is the credential that does not fit.
func TestIdentify_noAgentThatCredentialAndPinShare_isRefused(t *testing.T) {
	const token = "gatehouse_someSomeSomeSomeSomeSomeSomeSomeSome"
	tokens := identity.Compile(identity.Credentials{Tokens: []identity.Token{
		{ID: "laptop", Agents: []string{"a"}, Digest: identity.DigestOf(token)},
	}})
	h := newHouse(t, front.Config{Pinned: []string{"z"}}, testkit.ReadyBackend("db", testkit.Says(contents)))
	h.Change(func(now *snapshot.Snapshot) { now.Credentials = tokens })
	who, err := tokens.CheckToken(token, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, fail := h.readAs(t.Context(), agents.Caller{Identity: who}, uri)
	if codeOf(fail) != string(policy.InvalidAgentID) || !strings.HasPrefix(fail.Message, "The credential of this connection is no longer accepted") {
		t.Errorf("got %+v, want INVALID_AGENT_ID because of the credential", fail)
	}
}

func TestTimeout_isAtMostTheServersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := testkit.ReadyBackend("db", testkit.Hangs).With(func(e *serversfile.Entry) { e.Settings.CallTimeout = time.Millisecond })
		h := newHouse(t, front.Config{}, db)
		began := time.Now()
		_, fail := h.read(t.Context(), uri) // It asks for a second.
		if took := time.Since(began); codeOf(fail) != front.CodeTimeout || took != time.Millisecond {
			t.Errorf("got %q after %s of fake time, want TIMEOUT after 1ms", codeOf(fail), took)
		}
	})
}

func TestSent_cancelledAfterItWasWritten_mayHaveRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, fail := newHouse(t, front.Config{}, testkit.ReadyBackend("db", testkit.Hangs)).read(ctx, uri)
		if codeOf(fail) != front.CodeCancelled || !fail.MayHaveRun {
			t.Errorf("got %+v, want CANCELLED, which may have run", fail)
		}
	})
}

// A server that went to sleep after the call had been admitted is woken, not
// sent the call.
func TestSent_aServerThatFellAsleepMeanwhile_isWoken(t *testing.T) {
	session := testkit.NewSession(1, testkit.Says(contents))
	db := testkit.NewBackend("db", testkit.Ready(1, session))
	asleep := false
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("the call panicked with %v, want the server woken: it has no session while it sleeps", r)
		}
	}()
	h := newHouse(t, front.Config{Begin: func(context.Context, audit.Record) error {
		asleep = asleep || db.Cell.Move(endpoint.Slept, time.Now(), nil)
		return nil
	}}, db)
	h.Wake = func(string, *endpoint.Cell) {
		testkit.Publish(db.Cell, testkit.Ready(2, testkit.NewSession(2, testkit.Says(contents))))
	}
	_, fail := h.read(t.Context(), uri)
	if heard := h.Heard(); fail != nil || len(session.Calls()) > 0 || !slices.Equal(heard, []string{"wake db"}) {
		t.Errorf("got %v, %d requests to the session that sleeps, and %q; want no failure, none, and one wake", fail, len(session.Calls()), heard)
	}
}

// A list is read again once for a call, however old the list still is then.
func TestListed_anOldList_isReadAgainOnce(t *testing.T) {
	db := testkit.ReadyBackend("db", testkit.Says(contents)).HasFrom(time.Now().Add(-time.Hour), "other")
	h := newHouse(t, front.Config{}, db)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h.Refresh = func(string, *endpoint.Cell) {
		if len(h.Heard()) > 1 {
			cancel() // Or it would go on for ever.
		}
		db.HasFrom(time.Now().Add(-time.Hour), "other")
	}
	_, fail := h.read(ctx, uri)
	if heard := h.Heard(); codeOf(fail) != "RESOURCE_NOT_FOUND" || !slices.Equal(heard, []string{"refresh db"}) {
		t.Errorf("got %q after %q, want RESOURCE_NOT_FOUND after one refresh", codeOf(fail), heard)
	}
}

// Who waits for a server whose cell is closed goes on with its successor.
func TestReady_theCellOfWhoWaitsIsClosed_isFollowedToItsSuccessor(t *testing.T) {
	old := testkit.NewBackend("db", endpoint.Status{State: endpoint.Idle})
	h := newHouse(t, front.Config{}, old)
	h.Wake = func(string, *endpoint.Cell) {
		h.Next(allowAll, old.Again(testkit.Ready(1, testkit.NewSession(1, testkit.Says(contents)))))
		old.Cell.Close()
	}
	if got, fail := h.read(t.Context(), uri); fail != nil || got != contents {
		t.Errorf("got %q (%v), want the answer of the successor", got, fail)
	}
}

// A gateway that ends closes every cell. A call that has not been sent hears of that end,
// by which a relay knows that the next gateway can run it, and not of a server that starts.
func TestReady_theCellIsClosedAtTheEndOfTheGateway_saysThatItEnds(t *testing.T) {
	for range 20 { // Who waits hears of both at once.
		db := testkit.NewBackend("db", endpoint.Status{State: endpoint.Starting})
		h := newHouse(t, front.Config{}, db)
		h.Wake = func(string, *endpoint.Cell) {
			h.router.Stop()
			db.Cell.Close()
		}
		if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeServerUnavailable || fail.State != string(endpoint.Stopped) {
			t.Fatalf("a call that waited: got %+v, want SERVER_UNAVAILABLE as the gateway is stopped", fail)
		}
	}
	db := testkit.ReadyBackend("db", testkit.Says(contents)).Has(uri)
	var h *house
	h = newHouse(t, front.Config{Begin: func(context.Context, audit.Record) error {
		h.router.Stop()
		db.Cell.Close()
		return nil
	}}, db)
	if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeServerUnavailable || fail.State != string(endpoint.Stopped) {
		t.Errorf("a call that was about to be sent: got %+v, want SERVER_UNAVAILABLE as the gateway is stopped", fail)
	}
}

// The gateway of a fleet that runs the server decides again, by its own rules.
func TestCall_deniedWhereTheServerRuns_isADenialThatHasNotRun(t *testing.T) {
	db := testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{}, &endpoint.Denied{Step: "resource_not_allowed", Rule: "agents.a.allow"}
	}).Has(uri)
	h := newHouse(t, front.Config{}, db)
	_, fail := h.read(t.Context(), uri)
	if codeOf(fail) != front.CodeDenied || fail.MayHaveRun || fail.Rule != "agents.a.allow" || !strings.Contains(fail.Message, "not run") {
		t.Errorf("got %+v, want DENIED_BY_POLICY with the rule, not run", fail)
	}
	if got := h.Record(); got.Decision != audit.Deny || got.Outcome != front.CodeDenied || got.Step != "resource_not_allowed" || got.Rule != "agents.a.allow" {
		t.Errorf("got the record %+v, want a deny with the step and rule of the gateway that runs it", got)
	}
}
