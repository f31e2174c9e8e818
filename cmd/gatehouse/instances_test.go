package main

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// beginScoped starts a gateway for the agents a and b with a server that runs once
// for each.
func beginScoped(t *testing.T, settings ...any) (*testkit.Gateway, testkit.Agent, testkit.Agent) {
	t.Helper()
	entry := testkit.Fake(t).With("env", map[string]string{"WHO": "agent-${agent}"}).
		Settings(slices.Concat([]any{"scope", "agent"}, settings)...)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"files": entry, "other": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a", "b"), Args: quick,
	})
	a := g.Agent(t, "a")
	return g, a, a.As("b")
}

func TestScopeAgent_eachAgentHasAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	g, a, b := beginScoped(t)
	first, second := pidOf(t, a, "files"), pidOf(t, b, "files")
	if first == second {
		t.Errorf("both agents are served by process %d, want two", first)
	}
	if again := pidOf(t, a, "files"); again != first {
		t.Errorf("the second call of a is answered by %d, want %d", again, first)
	}
	for agent, want := range map[string]testkit.Agent{"a": a, "b": b} {
		for variable, value := range map[string]string{"GATEHOUSE_AGENT": agent, "WHO": "agent-" + agent} {
			if got := variableOf(t, want, "files", variable); got != value {
				t.Errorf("%s of the process of %s is %q, want %q", variable, agent, got, value)
			}
		}
	}
	if got := variableOf(t, a, "other", "GATEHOUSE_AGENT"); got != "" {
		t.Errorf("a server that all share gets GATEHOUSE_AGENT=%q, want none", got)
	}
	names := []string{}
	st, _ := statusOf(t, g, "")
	for _, s := range st.Servers {
		names = append(names, s.Name)
	}
	if want := []string{"files", "files[a]", "files[b]", "other"}; !slices.Equal(names, want) {
		t.Errorf("status names %q, want %q", names, want)
	}
}

// variableOf is a variable in the environment of the process that answers.
func variableOf(t *testing.T, a testkit.Agent, server, name string) string {
	t.Helper()
	return a.Execute(t, server, "env", map[string]any{"name": name}).Good(t).Field("value")
}

func TestScopeAgent_beyondTheLimit_isRefusedByName(t *testing.T) {
	t.Parallel()
	_, a, b := beginScoped(t, "max_instances", 1)
	a.Execute(t, "files", "echo", nil).Good(t)
	if e := b.Execute(t, "files", "echo", nil).Failed(t, "SERVER_UNAVAILABLE"); !strings.Contains(e.Message, "max_instances") {
		t.Errorf("the message is %q, want max_instances in it", e.Message)
	}
	a.Execute(t, "files", "echo", nil).Good(t)
}

func TestScopeAgent_anIdleInstanceEndsAndMakesRoom(t *testing.T) {
	t.Parallel()
	_, a, b := beginScoped(t, "max_instances", 1, "idle_stop_ms", 200)
	first := pidOf(t, a, "files")
	testkit.Gone(t, first)
	testkit.Eventually(t, "there is room for b", func() bool { return !b.Execute(t, "files", "echo", nil).IsError })
}

func TestScopeAgent_aCrashIsThatAgentsAlone(t *testing.T) {
	t.Parallel()
	g, a, b := beginScoped(t)
	first, second := pidOf(t, a, "files"), pidOf(t, b, "files")
	a.Execute(t, "files", "crash", map[string]any{"code": 3}).Failed(t, "SERVER_CRASHED")
	g.Await(t, "server crashed", "server", "files[a]")
	if got := pidOf(t, b, "files"); got != second {
		t.Errorf("b is served by %d after the crash of a's process, want %d", got, second)
	}
	if got := pidOf(t, a, "files"); got == first {
		t.Errorf("a is served by %d, which crashed; want another", got)
	}
}

func TestScopeAgent_aChangedEntryReplacesEveryInstance(t *testing.T) {
	t.Parallel()
	g, a, b := beginScoped(t)
	first, second := pidOf(t, a, "files"), pidOf(t, b, "files")
	entry := testkit.Fake(t).With("env", map[string]string{"WHO": "new-${agent}"}).Settings("scope", "agent")
	g.Apply(t, g.ServersFile, testkit.Servers{"files": entry, "other": testkit.Fake(t)}.JSON())
	if got := variableOf(t, a, "files", "WHO"); got != "new-a" {
		t.Errorf("WHO is %q, want %q", got, "new-a")
	}
	testkit.Gone(t, first)
	testkit.Gone(t, second)
	b.Execute(t, "files", "echo", nil).Good(t)
}
