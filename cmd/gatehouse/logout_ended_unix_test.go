//go:build unix

package main

import (
	"os"
	"testing"

	"gatehouse/testkit"
)

// A gateway that could not keep what it has renewed goes on with that though another
// process, which had the tokens before, has ended the login. A logout ends both.
func TestLogout_ofALoginThatAnotherProcessHasEnded_endsItEverywhere(t *testing.T) {
	t.Parallel()
	a, g, agent := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	kept := credentialFiles(t, g, "json")[0]
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(kept, 0o700); err != nil { // Nothing can be written there.
		t.Fatal(err)
	}
	a.Expire(false)
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, []byte(`{"server":"guarded","ended":"it is used up"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	operate(t, g, "login", "--list").want(t, exitFine, "it is used up")
	agent.Execute(t, "guarded", "hello", nil).Good(t)
	operate(t, g, "logout", "guarded").want(t, exitFine, `logged out of "guarded"`)
	agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_UNAVAILABLE")
	operate(t, g, "login", "--list").want(t, exitFine, "nobody is logged in")
	operate(t, g, "logout", "guarded").want(t, exitUsage, "nobody is logged in")
}

// A login that has ended is listed until somebody forgets it, whatever has become of its
// entry.
func TestLogout_ofALoginThatHasEnded_worksWithoutItsEntry(t *testing.T) {
	t.Parallel()
	for what, now := range map[string]testkit.Servers{
		"the entry is gone":               {"other": {"url": "http://127.0.0.1:1/mcp"}},
		"the entry has another address":   {"guarded": {"url": "http://127.0.0.1:1/mcp"}},
		"the entry has a command instead": {"guarded": testkit.Fake(t)},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, g, _ := beginGuarded(t, nil)
			runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
			if err := os.WriteFile(credentialFiles(t, g, "json")[0], []byte(`{"server":"guarded","ended":"it is used up"}`), 0o600); err != nil {
				t.Fatal(err)
			}
			g.Apply(t, g.ServersFile, now.JSON())
			operate(t, g, "login", "--list").want(t, exitFine, "it is used up")
			operate(t, g, "logout", "guarded").want(t, exitFine, `logged out of "guarded"`)
			operate(t, g, "login", "--list").want(t, exitFine, "nobody is logged in")
			operate(t, g, "logout", "guarded").want(t, exitUsage)
		})
	}
}
