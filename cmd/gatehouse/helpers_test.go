package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// quick makes reloads quick where a test is not about the debounce.
var quick = []string{"--debounce", "50ms"}

// begin starts a gateway with these servers, in which agent "a" may use
// everything, and with a client for "a".
func begin(t *testing.T, servers testkit.Servers, args ...string) (*testkit.Gateway, testkit.Agent) {
	t.Helper()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Args: slices.Concat(quick, args),
	})
	return g, g.Agent(t, "a")
}

// beginRaced is begin of a gateway with the race detector, if the tests have it.
func beginRaced(t *testing.T, servers testkit.Servers, args ...string) (*testkit.Gateway, testkit.Agent) {
	t.Helper()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Args: slices.Concat(quick, args), Race: true,
	})
	return g, g.Agent(t, "a")
}

// beginRules is begin with rules of its own.
func beginRules(t *testing.T, servers testkit.Servers, rules string, args ...string) (*testkit.Gateway, testkit.Agent) {
	t.Helper()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: rules, Args: slices.Concat(quick, args),
	})
	return g, g.Agent(t, "a")
}

// pidOf asks a server which process it is.
func pidOf(t *testing.T, a testkit.Agent, server string) int {
	t.Helper()
	return a.Execute(t, server, "pid", nil).Good(t).PID(t)
}

// recordFile is a fresh file for a fake server's --record.
func recordFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "record.jsonl")
}

// awaitCall waits until a server has begun to run the call with this id.
func awaitCall(t *testing.T, record, id string) {
	t.Helper()
	testkit.Eventually(t, "call "+id+" runs", func() bool {
		return len(testkit.Calls(testkit.Record(t, record))[id]) > 0
	})
}

// slowCall is a call that runs until the test lets it end, so that a busy machine
// cannot end it sooner.
type slowCall struct {
	*testkit.Pending
	until string // The fake server waits for this file.
}

// goSlow starts a call of that id and waits until the server runs it.
func goSlow(t *testing.T, a testkit.Agent, record, server, id string) *slowCall {
	t.Helper()
	until := filepath.Join(t.TempDir(), "go")
	s := &slowCall{a.Go(t.Context(), server, "sleep", map[string]any{"until": until, "id": id}), until}
	awaitCall(t, record, id)
	return s
}

// End lets the call end and returns its result.
func (s *slowCall) End(t *testing.T) testkit.Result {
	t.Helper()
	testkit.WriteInPlace(t, s.until, "")
	return s.Wait(t)
}

// awaitEvent waits until the record has an event for the call with this id.
func awaitEvent(t *testing.T, record, event, id string) {
	t.Helper()
	testkit.Eventually(t, event+" of "+id, func() bool {
		return slices.ContainsFunc(testkit.Record(t, record), func(r testkit.Recorded) bool {
			return r.Event == event && strings.Trim(string(r.ID), `"`) == id
		})
	})
}

// starts counts the processes that a record tells of.
func starts(t *testing.T, record string) int {
	t.Helper()
	n := 0
	for _, r := range testkit.Record(t, record) {
		if r.Event == "start" {
			n++
		}
	}
	return n
}

// reloads counts what became of changes of a file with this role since a mark.
func reloads(g *testkit.Gateway, mark int, role string) (applied, rejected, unchanged int) {
	return g.Count(mark, "config applied", "role", role),
		g.Count(mark, "config rejected", "role", role),
		g.Count(mark, "config unchanged", "role", role)
}

// wantReloads fails unless exactly so many reloads were applied and none was
// rejected or found unchanged.
func wantReloads(t *testing.T, g *testkit.Gateway, mark int, role string, want int) {
	t.Helper()
	applied, rejected, unchanged := reloads(g, mark, role)
	if applied != want || rejected != 0 || unchanged != 0 {
		t.Errorf("role %s: got %d applied, %d rejected, %d unchanged; want %d applied alone", role, applied, rejected, unchanged, want)
	}
}

// wantProblem fails unless one of the line's problems has the fragment.
func wantProblem(t *testing.T, line testkit.Line, fragment string) {
	t.Helper()
	if !slices.ContainsFunc(line.Strs("problems"), func(p string) bool { return strings.Contains(p, fragment) }) {
		t.Errorf("no problem says %q: %s", fragment, line.Raw)
	}
}

// sameJSON compares two JSON texts as values, numbers by their digits.
func sameJSON(t *testing.T, got, want string) bool {
	t.Helper()
	return canonical(t, got) == canonical(t, want)
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v: %s", err, text)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
