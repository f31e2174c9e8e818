package login_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/login"
	"gatehouse/testkit"
)

// shown is the credential of a server to which somebody has logged in, and the header
// that its requests have.
func shown(t *testing.T, a *testkit.AuthServer) (*login.Credential, string) {
	t.Helper()
	s, r := loggedIn(t, a, time.Hour)
	return keeper(s).Of(target(a)), headerOf(r)
}

// TestRefused_byManyAtOnce_isRenewedOnceForAll has the server refuse a token in the
// answers to many requests that were under way together.
func TestRefused_byManyAtOnce_isRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	c, header := shown(t, a)
	a.Expire(false)
	again := make([]bool, 32)
	var requests sync.WaitGroup
	for i := range again {
		requests.Go(func() { again[i] = c.Refused(within(t), header, 401, nil) })
	}
	requests.Wait()
	if slices.Contains(again, false) {
		t.Errorf("got %v, want that all requests are sent once more", again)
	}
	if got := a.Grants("refresh_token"); got != 1 {
		t.Errorf("got %d renewals, want 1", got)
	}
}

// TestRefused_whileTokensCannotBeRenewed_isNotFinal has the token endpoint fail when a
// refused token is to be renewed.
func TestRefused_whileTokensCannotBeRenewed_isNotFinal(t *testing.T) {
	for name, change := range map[string]func(*testkit.AuthServer){
		"503":                 func(a *testkit.AuthServer) { a.TokenStatus = 503 },
		"400 and a page":      func(a *testkit.AuthServer) { a.TokenStatus, a.TokenBody = 400, "<html>" },
		"429, which may pass": func(a *testkit.AuthServer) { a.TokenStatus, a.TokenBody = 429, `{"error":"slow_down"}` },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := testkit.StartAuthServer(t)
			c, header := shown(t, a)
			a.Change(func() { change(a) })
			if !c.Refused(within(t), header, 401, nil) {
				t.Error("the refusal is final, want another try, with what Header says")
			}
			if got, err := c.Header(within(t)); err == nil {
				t.Errorf("got the header %q, want the reason why there is no other", got)
			}
			a.Change(func() { a.TokenStatus = 0 })
			testkit.Eventually(t, "there is another token", func() bool {
				got, err := c.Header(within(t))
				return err == nil && got != header && got != ""
			})
		})
	}
}

// TestRefused_tokenThatWasJustRenewed_isNotRenewedAgain has a server refuse whatever it
// is shown.
func TestRefused_tokenThatWasJustRenewed_isNotRenewedAgain(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	c, header := shown(t, a)
	for range 3 {
		c.Refused(within(t), header, 401, nil)
		var err error
		if header, err = c.Header(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.Grants("refresh_token"); got != 1 {
		t.Errorf("got %d renewals, want 1", got)
	}
}
