//go:build unix

package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/testkit"
)

// credentialFiles are what is kept of logins, in files of one kind.
func credentialFiles(t *testing.T, g *testkit.Gateway, kind string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(g.Dir, "state", "gatehouse", "credentials", "*."+kind))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// stoppedWhileItRevokes is a logout that gets a signal while it waits for the answer to a
// revocation. It returns what that says.
func stoppedWhileItRevokes(t *testing.T, a *testkit.AuthServer, g *testkit.Gateway, sig os.Signal) (said string) {
	t.Helper()
	return stoppedAfter(t, a, g, sig, func() {})
}

// stoppedAfter is stoppedWhileItRevokes with something that is done once the logout runs.
func stoppedAfter(t *testing.T, a *testkit.AuthServer, g *testkit.Gateway, sig os.Signal, first func()) (said string) {
	t.Helper()
	asked, goOn := make(chan struct{}, 10), make(chan struct{})
	a.Change(func() {
		a.Handle["/revoke"] = func(_ http.ResponseWriter, r *http.Request) {
			asked <- struct{}{}
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
		}
	})
	cmd := command(t, operatorEnv(g), "logout", "guarded")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first()
	testkit.Eventually(t, "a revocation", func() bool { return len(asked) > 0 })
	_ = cmd.Process.Signal(sig)
	_ = cmd.Wait() // It was stopped.
	close(goOn)
	a.Change(func() { delete(a.Handle, "/revoke") })
	return out.String()
}

// revokes wants a logout to revoke so many tokens, and to leave none.
func revokes(t *testing.T, a *testkit.AuthServer, g *testkit.Gateway, want int) {
	t.Helper()
	before := len(a.Requests("/revoke"))
	operate(t, g, "logout", "guarded").want(t, exitFine, `logged out of "guarded"`)
	if n := len(a.Requests("/revoke")) - before; n != want {
		t.Errorf("got %d revocations, want %d", n, want)
	}
	for _, path := range credentialFiles(t, g, "json") { // The gateway may have noted what the next login should ask for.
		if text := readText(t, path); strings.Contains(text, "token\"") {
			t.Errorf("got\n%s\nwant no token left", text)
		}
	}
	operate(t, g, "login", "--list").want(t, exitFine, "nobody is logged in")
}

func TestLogout_killed_andTheEntryHasAnotherAddress_isEndedByTheNextOne(t *testing.T) {
	t.Parallel()
	a, g, _ := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	stoppedWhileItRevokes(t, a, g, os.Kill)
	other := testkit.StartAuthServer(t)
	g.Apply(t, g.ServersFile, testkit.Servers{"guarded": {"url": other.MCP()}}.JSON())
	operate(t, g, "login", "--list").want(t, exitFine, "run again: gatehouse logout guarded")
	revokes(t, a, g, 2)
	operate(t, g, "logout", "guarded").want(t, exitUsage, "nobody is logged in")
}

func TestLogout_killedTwice_theNextOneRevokesTheTokensOfBothLogins(t *testing.T) {
	t.Parallel()
	a, g, _ := beginGuarded(t, nil)
	for range 2 {
		runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
		stoppedWhileItRevokes(t, a, g, os.Kill)
	}
	revokes(t, a, g, 4)
}

func TestLogout_ofAnEntryThatIsGone_interrupted_isEndedByTheNextOne(t *testing.T) {
	t.Parallel()
	a, g, _ := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	g.Apply(t, g.ServersFile, testkit.Servers{"other": {"url": a.MCP()}}.JSON())
	stoppedWhileItRevokes(t, a, g, os.Interrupt)
	revokes(t, a, g, 2)
}

// Whoever stops a logout hears that there is more to do, and how.
func TestLogout_interruptedWhileItRevokes_saysHowToRevokeTheRest(t *testing.T) {
	t.Parallel()
	a, g, _ := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	said := stoppedWhileItRevokes(t, a, g, os.Interrupt)
	if want := "the tokens are not revoked yet; run again: gatehouse logout guarded\n"; !strings.Contains(said, want) {
		t.Errorf("got\n%s\nwant %s in it", said, want)
	}
	revokes(t, a, g, 2)
}

// slowRenewal makes the next answer of the token endpoint wait for goOn. It is one of
// the server all the same.
func slowRenewal(a *testkit.AuthServer) (asked <-chan struct{}, goOn func()) {
	begun, wait := make(chan struct{}), make(chan struct{})
	a.Change(func() {
		a.Handle["/token"] = func(w http.ResponseWriter, r *http.Request) {
			a.Change(func() { delete(a.Handle, "/token") })
			all := a.Requests("/token")
			r.Body = io.NopCloser(strings.NewReader(all[len(all)-1].Body))
			close(begun)
			select {
			case <-wait:
				a.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		}
	})
	return begun, func() { close(wait) }
}

// A logout copies the tokens, and then waits for a gateway that is renewing them. What
// the gateway gets meanwhile is no less to be revoked.
func TestLogout_whileAGatewayRenews_killed_theNextOneRevokesTheNewTokensToo(t *testing.T) {
	t.Parallel()
	a, g, agent := beginGuarded(t, func(a *testkit.AuthServer) { a.Rotate = true })
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	asked, goOn := slowRenewal(a)
	a.Expire(false)
	var call sync.WaitGroup
	call.Go(func() { agent.Execute(t, "guarded", "hello", nil) })
	<-asked
	stoppedAfter(t, a, g, os.Kill, func() {
		testkit.Eventually(t, "a copy of the tokens", func() bool { return len(credentialFiles(t, g, "json")) == 2 })
		goOn()
	})
	call.Wait()
	revokes(t, a, g, 4)
	if good := a.Tokens(); len(good) > 0 {
		t.Errorf("got %d tokens that are still good, want none", len(good))
	}
}

// Who has removed the file, as the keyring never answers, wants running gateways to stop
// using what was in it.
func TestLogout_ofALoginWhoseFileIsGone_makesGatewaysStopUsingIt(t *testing.T) {
	t.Parallel()
	_, g, agent := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	for _, path := range credentialFiles(t, g, "json") {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	operate(t, g, "logout", "guarded").want(t, exitUsage, "nobody is logged in")
	agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_UNAVAILABLE")
}
