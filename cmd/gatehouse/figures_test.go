package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/testkit"
)

// These tests assert what happens, and log how long it takes: see figures.

// soon asks until it is true: without a pause for figures, which a pause would
// blur, and else with one.
func soon(t *testing.T, ask func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); !ask(); {
		if time.Now().After(deadline) {
			t.Fatal("it never came true")
		}
		if !full() {
			<-time.After(5 * time.Millisecond)
		}
	}
}

func TestFigures_editToNewBehaviour(t *testing.T) {
	figures(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t, "--tag", "0")}.JSON(), Rules: testkit.AllowAll("a"),
	})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	a.Execute(t, "s", "pid", nil).Good(t)
	for i := 1; i <= 3; i++ {
		tag := fmt.Sprint(i)
		edited := time.Now()
		testkit.WriteAtomic(t, g.ServersFile, testkit.Servers{"s": testkit.Fake(t, "--tag", tag)}.JSON())
		soon(t, func() bool { return a.Execute(t, "s", "pid", nil).Good(t).Field("tag") == tag })
		t.Logf("edit of a server to its new behaviour: %v, of which 300ms are the debounce", time.Since(edited).Round(time.Millisecond))
	}
	edited := time.Now()
	testkit.WriteAtomic(t, g.RulesFile, testkit.AllowAll("b"))
	soon(t, func() bool { return a.Execute(t, "s", "echo", nil).Code() != "" })
	t.Logf("edit of the rules to the first denial: %v, of which 300ms are the debounce", time.Since(edited).Round(time.Millisecond))
}

func TestFigures_fiftySlowServersReady(t *testing.T) {
	figures(t)
	servers := testkit.Servers{}
	for i := range 50 {
		servers[fmt.Sprintf("s%02d", i)] = testkit.Fake(t, "--start-delay", "200ms")
	}
	started := time.Now()
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a")})
	ready := time.Since(started)
	for name := range servers {
		g.Await(t, "server ready", "server", name)
	}
	t.Logf("50 servers that need 200ms each: all ready %v after the start of the process, the gateway itself after %v",
		time.Since(started).Round(time.Millisecond), ready.Round(time.Millisecond))
}

func TestFigures_killToFirstGoodCall(t *testing.T) {
	figures(t)
	servers := testkit.Servers{"one": testkit.Fake(t), "two": testkit.Fake(t), "three": testkit.Fake(t)}
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a")})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	for name := range servers { // A server that was killed before waits longer.
		pid := a.Execute(t, name, "pid", nil).Good(t).PID(t)
		killed := time.Now()
		kill(t, pid)
		soon(t, func() bool { return a.Execute(t, name, "pid", nil).Code() == "" })
		t.Logf("kill -9 to the first good call: %v", time.Since(killed).Round(time.Millisecond))
	}
}

func TestFigures_listServersWhileEveryServerHangs(t *testing.T) {
	figures(t)
	servers := testkit.Servers{}
	for i := range 20 {
		servers[fmt.Sprintf("s%02d", i)] = testkit.Fake(t, "--never-answer")
	}
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--shutdown-timeout", "4s"}})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	var times []time.Duration
	for range 200 {
		start := time.Now()
		a.Call(t, "list_servers", nil).Good(t)
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	t.Logf("list_servers over HTTP while 20 of 20 servers hang: median %v, 95 %% within %v", times[100], times[190])
}
