package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// keptHouse are servers that share folders over gateways: one that is ready at
// once, one that starts when it is called, one that cannot be started any more
// once its program is removed, and one that the operator may change.
func keptHouse(t *testing.T) (servers testkit.Servers, options testkit.Options, breakIt func()) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.Symlink(testkit.FakeServer(t), program); err != nil {
		t.Fatal(err)
	}
	cwd := t.TempDir()
	fake := func() testkit.Entry { return testkit.Fake(t).With("cwd", cwd) }
	servers = testkit.Servers{
		"eager": fake(), "sleeper": fake().With("env", map[string]string{"WHO": "sleeper"}),
		"broken": fake().With("command", program), "changing": fake().With("env", map[string]string{"TOKEN": "a-secret-value-1"}),
	}
	options = testkit.Options{Rules: testkit.AllowAll("a"), Args: quick, Env: []string{"XDG_STATE_HOME=" + t.TempDir()}}
	return servers, options, func() {
		if err := os.Remove(program); err != nil {
			t.Fatal(err)
		}
	}
}

// stateOf is the state folder of the options.
func stateOf(o testkit.Options) string {
	return filepath.Join(strings.TrimPrefix(o.Env[0], "XDG_STATE_HOME="), "gatehouse")
}

// foundOn returns the servers of which search_tools finds the tool echo, and those
// that it names as unlisted.
func foundOn(t *testing.T, a testkit.Agent) (servers, unlisted []string) {
	t.Helper()
	var f struct {
		Hits     []struct{ Server, Tool string }
		Unlisted []string
	}
	answer := a.Call(t, "search_tools", map[string]any{"query": "echo", "limit": 50}).Good(t)
	if err := json.Unmarshal(answer.Structured, &f); err != nil {
		t.Fatal(err)
	}
	for _, h := range f.Hits {
		if h.Tool == "echo" {
			servers = append(servers, h.Server)
		}
	}
	return servers, f.Unlisted
}

func TestKeptLists_areFoundByTheNextGateway_whichStartsNone(t *testing.T) {
	t.Parallel()
	servers, options, breakIt := keptHouse(t)
	options.Servers = servers.JSON()
	first := testkit.StartGateway(t, options)
	for name := range servers {
		first.Await(t, "server ready", "server", name)
	}
	first.Stop(t)
	breakIt()
	servers["sleeper"] = servers["sleeper"].Settings("start", "lazy")
	servers["changing"] = servers["changing"].With("env", map[string]string{"TOKEN": "a-secret-value-2"}).Settings("start", "lazy")
	servers["new"] = testkit.Fake(t).Settings("start", "lazy")
	options.Servers = servers.JSON()
	g := testkit.StartGateway(t, options)
	a := g.Agent(t, "a")
	g.Await(t, "server quarantined", "server", "broken")
	got, unlisted := foundOn(t, a)
	if want := []string{"broken", "eager", "sleeper"}; !slices.Equal(got, want) || !slices.Equal(unlisted, []string{"changing", "new"}) {
		t.Errorf("echo is found on %q and unlisted are %q, want %q, and those that are new or changed", got, unlisted, want)
	}
	for _, name := range []string{"sleeper", "changing", "new"} {
		if n := g.Count(0, "server starting", "server", name); n != 0 {
			t.Errorf("%s was started %d times, want 0", name, n)
		}
	}
	a.Execute(t, "sleeper", "echo", map[string]any{"n": 1}).Good(t)
	// Back as it was, it has its list again.
	servers["changing"] = servers["changing"].With("env", map[string]string{"TOKEN": "a-secret-value-1"})
	g.Apply(t, g.ServersFile, servers.JSON())
	testkit.Eventually(t, "the list of the entry as it was", func() bool {
		got, _ := foundOn(t, a)
		return slices.Contains(got, "changing")
	})
	if n := g.Count(0, "kept lists of tools failed"); n != 0 {
		t.Errorf("got %d lines about failures, want 0", n)
	}
}

func TestKeptLists_thatAreSpoilt_areOneLineAndNoObstacle(t *testing.T) {
	t.Parallel()
	servers, options, _ := keptHouse(t)
	options.Servers = servers.JSON()
	first := testkit.StartGateway(t, options)
	for name := range servers {
		first.Await(t, "server ready", "server", name)
	}
	first.Stop(t)
	all, err := filepath.Glob(filepath.Join(stateOf(options), "lists", "*"))
	if err != nil || len(all) != len(servers) {
		t.Fatalf("got %v, %v, want a list for each of %d servers", all, err, len(servers))
	}
	for _, path := range all {
		if data := testkit.ReadFile(t, path); strings.Contains(data, "a-secret") || os.Truncate(path, int64(len(data)/2)) != nil {
			t.Fatalf("got %s, want a file that can be cut, without the secret", data)
		}
	}
	for name := range servers {
		servers[name] = servers[name].Settings("start", "lazy")
	}
	options.Servers = servers.JSON()
	g := testkit.StartGateway(t, options)
	a := g.Agent(t, "a")
	if got, unlisted := foundOn(t, a); len(got) != 0 || len(unlisted) != len(servers) {
		t.Errorf("echo is found on %q and unlisted are %q, want none found", got, unlisted)
	}
	if n := g.Count(0, "kept lists of tools failed"); n != 1 {
		t.Errorf("got %d lines about failures, want 1", n)
	}
	a.Execute(t, "eager", "echo", nil).Good(t)
	if got, _ := foundOn(t, a); !slices.Equal(got, []string{"eager"}) {
		t.Errorf("echo is found on %q, want the server that was called", got)
	}
}
