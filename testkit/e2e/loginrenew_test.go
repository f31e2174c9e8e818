//go:build unix

package e2e_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/testkit"
)

// TestRenewal_underLoad_losesNoCall calls without a pause while tokens of five
// seconds end again and again.
func TestRenewal_underLoad_losesNoCall(t *testing.T) {
	h := host(t, worldOptions{"ttl": 5}, nil)
	h.logIn(t, "ada")
	refreshes := func() []asked { return h.seen(t, grants("refresh_token")) }
	var callers sync.WaitGroup
	enough := make(chan struct{})
	for range 4 {
		agent := h.agent(t)
		callers.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
				}
				if got := agent.Execute(t, "notes", "whoami", map[string]any{}); got.Error != nil {
					t.Errorf("a call failed: %s, want none to", got.Error.Message)
					return
				}
			}
		})
	}
	testkit.Eventually(t, "the tokens have been renewed three times", func() bool { return t.Failed() || len(refreshes()) >= 3 })
	close(enough)
	callers.Wait()
	for _, refresh := range refreshes() {
		if refresh.Status != 200 {
			t.Errorf("a refresh was answered with %d, %s, want 200: a token was used twice", refresh.Status, refresh.Error)
		}
	}
}

// TestRenewal_manyCallsAtOnce_oneRefresh ends the token under many calls.
func TestRenewal_manyCallsAtOnce_oneRefresh(t *testing.T) {
	h := host(t, nil, nil)
	h.logIn(t, "ada")
	h.is(t, "ada")
	h.order(t, "expire", nil)
	callAtOnce(t, slices.Repeat([]testkit.Agent{h.agent(t)}, 16))
	if got := h.seen(t, grants("refresh_token")); len(got) != 1 || got[0].Status != 200 {
		t.Errorf("got the refreshes %+v, want one, a good one", got)
	}
}

// callAtOnce has all these agents call at the same time; no call may fail.
func callAtOnce(t *testing.T, agents []testkit.Agent) {
	t.Helper()
	var callers sync.WaitGroup
	for _, agent := range agents {
		callers.Go(func() {
			if got := agent.Execute(t, "notes", "whoami", map[string]any{}); got.Error != nil {
				t.Errorf("a call failed: %s, want none to", got.Error.Message)
			}
		})
	}
	callers.Wait()
}

func TestRenewal_newPairIsKept_overARestart(t *testing.T) {
	w := newWorld(t, nil)
	store := t.TempDir()
	first := w.host(t, nil, "XDG_STATE_HOME="+store)
	first.logIn(t, "ada")
	w.order(t, "expire", nil)
	first.is(t, "ada")
	first.Stop(t)
	w.order(t, "expire", nil)
	second := w.host(t, nil, "XDG_STATE_HOME="+store)
	second.Await(t, "server ready", "server", "notes")
	second.is(t, "ada")
	for _, refresh := range w.seen(t, grants("refresh_token")) {
		if refresh.Status != 200 {
			t.Errorf("a refresh was answered with %d, %s, want 200: an old token was used", refresh.Status, refresh.Error)
		}
	}
}

// TestRenewal_twoGatewaysOfOneStore has both need a new token at once. The
// authorization server ends the grant if a refresh token comes twice.
func TestRenewal_twoGatewaysOfOneStore_oneRefresh(t *testing.T) {
	w := newWorld(t, nil)
	store := t.TempDir()
	one := w.host(t, nil, "XDG_STATE_HOME="+store)
	one.logIn(t, "ada")
	two := w.host(t, nil, "XDG_STATE_HOME="+store)
	two.Await(t, "server ready", "server", "notes")
	callAtOnce(t, []testkit.Agent{one.agent(t), two.agent(t)})
	w.order(t, "expire", nil)
	callAtOnce(t, []testkit.Agent{one.agent(t), two.agent(t)})
	if got := w.seen(t, grants("refresh_token")); len(got) != 1 || got[0].Status != 200 {
		t.Errorf("got the refreshes %+v, want one, a good one", got)
	}
}

func TestRenewal_revokedRefreshToken_wantsALogin(t *testing.T) {
	h := host(t, nil, nil)
	h.logIn(t, "ada")
	h.order(t, "revoke", nil)
	h.wantsLogin(t)
	if got := h.auth(t); got.Renews {
		t.Errorf("the status says %+v, want that it does not renew", got)
	}
	h.logIn(t, "ada")
	h.is(t, "ada")
}

// TestRenewal_refreshTokenUsedTwice_endsTheLogin has a thief use a refresh token
// after the gateway has: the authorization server trusts neither any more.
func TestRenewal_refreshTokenUsedTwice_endsTheLogin(t *testing.T) {
	h := host(t, nil, nil)
	h.logIn(t, "ada")
	h.order(t, "expire", nil)
	h.is(t, "ada")
	h.order(t, "reuse", nil)
	h.wantsLogin(t)
	h.logIn(t, "ada")
	h.is(t, "ada")
}

// TestRenewal_authorizationServerDown_isNotFinal ends the token while the
// authorization server answers with pages of errors.
func TestRenewal_authorizationServerDown_isNotFinal(t *testing.T) {
	for _, status := range []int{503, 400} { // 400 with HTML is not an answer of an authorization server.
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel() // It waits for the next try.
			h := host(t, nil, nil)
			h.logIn(t, "ada")
			h.order(t, "fail", map[string]any{"times": 1, "status": status})
			h.order(t, "expire", nil)
			agent := h.agent(t)
			testkit.Eventually(t, "calls work again by themselves", func() bool {
				got := agent.Execute(t, "notes", "whoami", map[string]any{})
				if got.Error != nil && got.Error.State == "needs-auth" {
					t.Fatalf("a status %d of the token endpoint ended the login: %s, want another try", status, got.Error.Message)
				}
				return got.Error == nil
			})
		})
	}
}

// TestStepUp_asksForTheUnion calls a tool that needs a scope more.
func TestStepUp_asksForTheUnion(t *testing.T) {
	h := host(t, nil, nil)
	h.logIn(t, "ada")
	e := h.agent(t).Execute(t, "notes", "write", map[string]any{}).Error
	if e == nil || !strings.Contains(e.Message, "notes:write") || !strings.Contains(e.Message, "gatehouse login notes") {
		t.Fatalf("the call is answered with %+v, want the scope notes:write and the command \"gatehouse login notes\"", e)
	}
	h.logIn(t, "ada")
	if got := h.agent(t).Execute(t, "notes", "write", map[string]any{}).Good(t).Text; got != "written" {
		t.Errorf("the tool says %q, want \"written\"", got)
	}
	h.is(t, "ada") // What the first login was for still works.
}
