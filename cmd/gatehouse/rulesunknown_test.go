package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// readyzOf is what /readyz says.
func readyzOf(t *testing.T, g *testkit.Gateway) (int, string) {
	t.Helper()
	resp, err := http.Get(g.BaseURL(t) + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// obstruct puts something that cannot be read in the place of a file.
func obstruct(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
}

// A revocation that cannot be read closes the gateway after 10 s, and opens it
// when it can be.
func TestRules_thatCannotBeRead_closeTheGatewayAfterAWhile(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	mark := g.Log.Len()
	obstruct(t, g.RulesFile)
	g.AwaitFrom(t, mark, "rules cannot be read")
	a.Execute(t, "s", "echo", nil).Good(t) // For now.
	if status, text := readyzOf(t, g); status != http.StatusServiceUnavailable || !strings.Contains(text, "cannot be read") {
		t.Errorf("readyz: got %d %q, want 503 and that the rules cannot be read", status, text)
	}
	operate(t, g, "status").want(t, exitFine, "rules changed and cannot be read")
	testkit.Eventually(t, "calls are refused", func() bool { return a.Execute(t, "s", "echo", nil).Code() == "RULES_UNREADABLE" })
	operate(t, g, "status").want(t, exitFine, "every call is refused")
	if err := os.Remove(g.RulesFile); err != nil {
		t.Fatal(err)
	}
	testkit.WriteInPlace(t, g.RulesFile, testkit.AllowAll("a"))
	g.AwaitFrom(t, mark, "rules can be read again")
	a.Execute(t, "s", "echo", nil).Good(t)
	if status, text := readyzOf(t, g); status != http.StatusOK {
		t.Errorf("readyz: got %d %q, want 200", status, text)
	}
}

func TestRules_thatCannotBeRead_canBeKept(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)}, "--rules-unreadable", "keep")
	mark, begun := g.Log.Len(), time.Now()
	obstruct(t, g.RulesFile)
	g.AwaitFrom(t, mark, "rules cannot be read")
	if status, text := readyzOf(t, g); status != http.StatusOK || !strings.Contains(text, "cannot be read") {
		t.Errorf("readyz: got %d %q, want 200 and that the rules cannot be read", status, text)
	}
	testkit.Eventually(t, "the time is over after which calls would be refused", func() bool { return time.Since(begun) > doubtPatience+time.Second })
	operate(t, g, "status").want(t, exitFine, "rules changed and cannot be read")
	a.Execute(t, "s", "echo", nil).Good(t)
}
