package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
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

// The floor beside it is what the same programs take without a gateway, started all
// at once and asked the same first questions.
func TestFigures_fiftySlowServersReady(t *testing.T) {
	figures(t)
	n := scaled(50, 10)
	servers := testkit.Servers{}
	for i := range n {
		servers[fmt.Sprintf("s%02d", i)] = testkit.Fake(t, "--start-delay", "200ms")
	}
	var floors, all []time.Duration
	for range scaled(7, 1) {
		floor := bareStarts(t, n, testkit.FakeServer(t), "--start-delay", "200ms")
		started := time.Now()
		g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a")})
		ready := time.Since(started)
		for name := range servers {
			g.Await(t, "server ready", "server", name)
		}
		took := time.Since(started)
		g.Stop(t)
		floors, all = append(floors, floor), append(all, took)
		t.Logf("%d servers that need 200ms each: all ready %v after the start of the process (%.2f of the floor, %v), the gateway itself after %v",
			n, took.Round(time.Millisecond), took.Seconds()/floor.Seconds(), floor.Round(time.Millisecond), ready.Round(time.Millisecond))
	}
	slices.Sort(floors)
	slices.Sort(all)
	middle := len(all) / 2
	t.Logf("median: %v, and %v for the floor", all[middle].Round(time.Millisecond), floors[middle].Round(time.Millisecond))
}

// bareStarts starts n of a server at once, without a gateway, and returns how long
// it took until each had answered what a gateway asks first. They are ended after
// that.
func bareStarts(t *testing.T, n int, program string, args ...string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmds, errs := make([]*exec.Cmd, n), make([]error, n)
	began := time.Now()
	var all sync.WaitGroup
	for i := range n {
		cmds[i] = exec.CommandContext(ctx, program, args...)
		all.Go(func() { errs[i] = firstAnswers(cmds[i]) })
	}
	all.Wait()
	took := time.Since(began)
	cancel()
	for i, cmd := range cmds {
		if errs[i] != nil {
			t.Errorf("a server without a gateway: %v", errs[i])
		}
		_ = cmd.Wait()
	}
	return took
}

// firstAnswers starts a server and returns once it has listed its tools.
func firstAnswers(cmd *exec.Cmd) error {
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for _, ask := range []struct{ message, answer string }{
		{`{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{}}`, `"error"`},
		{`{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bare","version":"1"}}}`, `"result"`},
		{`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n" + `{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{}}`, `"tools"`},
	} {
		if _, err := io.WriteString(in, ask.message+"\n"); err != nil || !lines.Scan() || !strings.Contains(lines.Text(), ask.answer) {
			return errors.Join(err, fmt.Errorf("got %s, want %s", lines.Text(), ask.answer))
		}
	}
	return nil
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
