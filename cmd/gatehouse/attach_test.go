package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

// Twenty clients that start at the same moment get one gateway, and one process of
// each server.
func TestAttach_manyAtOnce_shareOneGatewayAndItsServers(t *testing.T) {
	t.Parallel()
	servers, records := testkit.Servers{}, map[string]string{}
	for i := range 10 {
		name := fmt.Sprintf("s%d", i)
		records[name] = recordFile(t)
		servers[name] = testkit.Fake(t, "--record", records[name])
	}
	p := newPerson(t, servers, testkit.AllowAll("a"))
	clients := make([]*attached, 20)
	for i := range clients {
		clients[i] = p.attach(t)
	}
	for i, c := range clients {
		id := c.call(t, fmt.Sprintf("s%d", i%10), "pid", "{}")
		if got := c.answer(t, id); got.IsError {
			t.Errorf("client %d: got %s, want a result", i, got.raw)
		}
	}
	p.gateway(t)
	if got := strings.Count(p.log(t), `"msg":"gateway ready"`); got != 1 {
		t.Errorf("got %d gateways, want 1", got)
	}
	for name, record := range records {
		if got := starts(t, record); got != 1 {
			t.Errorf("got %d processes of %s, want 1", got, name)
		}
	}
	for _, c := range clients {
		if code := c.end(t); code != exitFine {
			t.Errorf("got exit code %d, want 0: %s", code, c.stderr)
		}
	}
}

// A session survives the gateway: what ran is answered and not run again, what
// comes after runs.
func TestAttach_gatewayKilled_sessionGoesOn(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, testkit.AllowAll("a"))
	a := p.open(t)
	id := a.call(t, "s", "sleep", `{"ms":600000,"id":"long"}`)
	awaitCall(t, record, "long")
	first := p.gateway(t)
	kill(t, first)
	got := a.answer(t, id)
	if got.StructuredContent.Error.Code != "GATEWAY_LOST" || !strings.Contains(got.raw, `"may_have_run":true`) {
		t.Errorf("the call that ran: got %s, want GATEWAY_LOST, may_have_run", got.raw)
	}
	id = a.call(t, "s", "echo", `{"word":"again"}`)
	if got := a.answer(t, id); got.IsError || !strings.Contains(got.raw, "again") {
		t.Errorf("the call after: got %s, want a result", got.raw)
	}
	if n := len(testkit.Calls(testkit.Record(t, record))["long"]); n != 1 {
		t.Errorf("the call that ran was run %d times, want once", n)
	}
	if second := p.gateway(t); second == first {
		t.Errorf("got the same gateway, %d, want another one", second)
	}
}

// A gateway that ends in order finishes what runs, and what comes meanwhile goes to
// the next one.
func TestAttach_gatewayStopped_losesNoCall(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	p := newPerson(t, testkit.Servers{
		"s":    testkit.Fake(t, "--record", record),
		"slow": testkit.Fake(t, "--start-delay", "1500ms"),
	}, testkit.AllowAll("a"))
	a, b := p.open(t), p.open(t)
	running := a.call(t, "s", "sleep", `{"ms":300,"id":"running"}`)
	waits := b.call(t, "slow", "echo", `{"word":"waited"}`)
	awaitCall(t, record, "running")
	first := p.gateway(t)
	p.stop(first)
	if got := a.answer(t, running); got.IsError {
		t.Errorf("the call that ran: got %s, want its result", got.raw)
	}
	after := a.call(t, "s", "echo", `{"word":"after"}`)
	if got := a.answer(t, after); got.IsError || !strings.Contains(got.raw, "after") {
		t.Errorf("the call after: got %s, want a result", got.raw)
	}
	if got := b.answer(t, waits); got.IsError || !strings.Contains(got.raw, "waited") {
		t.Errorf("the call that waited: got %s, want a result", got.raw)
	}
	p.gateway(t, first)
}

// A client that dies takes its calls along, and nothing else.
func TestAttach_clientKilled_itsCallsAreCancelled(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, testkit.AllowAll("a"))
	a, other := p.open(t), p.open(t)
	a.call(t, "s", "sleep", `{"ms":600000,"id":"long"}`)
	awaitCall(t, record, "long")
	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, record, "cancelled", "long")
	id := other.call(t, "s", "echo", `{}`)
	if got := other.answer(t, id); got.IsError {
		t.Errorf("another client's call: got %s, want a result", got.raw)
	}
}

// Whatever is killed, in whichever order, nothing is left.
func TestAttach_everythingKilled_leavesNothing(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		t.Skip("servers may survive a killed gateway on this system")
	}
	for name, relayFirst := range map[string]bool{"the client first": true, "the gateway first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.AllowAll("a"))
			a := p.open(t, "--linger", "100ms")
			id := a.call(t, "s", "pid", "{}")
			var server int
			if _, err := fmt.Sscan(a.answer(t, id).Content[0].Text, &server); err != nil {
				t.Fatal(err)
			}
			gateway := p.gateway(t)
			pids := []int{gateway, a.cmd.Process.Pid}
			if relayFirst {
				pids = []int{a.cmd.Process.Pid, gateway}
			}
			for _, pid := range pids {
				kill(t, pid)
			}
			testkit.Eventually(t, "the server has gone", func() bool { return !testkit.Alive(server) })
		})
	}
}

func TestAttach_nobodyLeft_gatewayEnds(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.AllowAll("a"))
	a := p.open(t, "--linger", "50ms")
	gateway := p.gateway(t)
	if code := a.end(t); code != exitFine {
		t.Errorf("got exit code %d, want 0", code)
	}
	testkit.Eventually(t, "the gateway has ended", func() bool { return !testkit.Alive(gateway) })
	left, err := filepath.Glob(filepath.Join(p.state(), "attach", "*[^g]"))
	if err != nil || len(left) != 0 {
		t.Errorf("it left %v (%v), want nothing but the log", left, err)
	}
}

// The environment of the gateway is nobody's: a variable of the client reaches no
// server, that of an env file does.
func TestAttach_gatewayHasNobodysEnvironment(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{
		"unset": testkit.Fake(t).With("env", map[string]string{"X": "${OF_THE_CLIENT}"}),
		"set":   testkit.Fake(t).With("env", map[string]string{"X": "${OF_A_FILE}"}),
	}, testkit.AllowAll("a"))
	file := filepath.Join(p.home, "env")
	if err := os.WriteFile(file, []byte("OF_A_FILE=here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "OF_THE_CLIENT=there", "GATEWAY_MCP_CONFIG=/nowhere")
	a := p.open(t, "--env-file", file)
	id := a.call(t, "set", "echo", "{}")
	if got := a.answer(t, id); got.IsError {
		t.Errorf("a variable of the env file: got %s, want a result", got.raw)
	}
	id = a.call(t, "unset", "echo", "{}")
	if got := a.answer(t, id); !strings.Contains(got.raw, "OF_THE_CLIENT") || got.StructuredContent.Error.Code != "SERVER_UNAVAILABLE" {
		t.Errorf("a variable of the client: got %s, want that it is not set", got.raw)
	}
	a.saysOnStderr(t, "GATEWAY_MCP_CONFIG")
}

// What does not fit together is said on stderr, in a line each.
func TestAttach_whatDoesNotFit_isSaid(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.AllowAll("a"))
	p.open(t)
	b := p.open(t, "--linger", "7s", "--agent", "stranger")
	for _, want := range []string{"--linger 7s does not hold", `the agent "stranger" is not in the rules`} {
		b.saysOnStderr(t, want)
	}
	for surface, want := range map[string]string{
		"all":      "--surface all has nothing for the client: no agent is known there",
		"server:z": `no server "z" that agent "a" may use (it may use s`,
	} {
		args := []string{"--surface", surface}
		if surface != "all" {
			args = append(args, "--agent", "a")
		}
		c := p.attach(t, args...)
		c.say(t, `{"jsonrpc":"2.0","id":0,"method":"ping"}`)
		c.saysOnStderr(t, want)
	}
	b.say(t, `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"execute_tool","arguments":{"server":"s","tool":"echo"}}}`)
	if got := b.answer(t, 9); got.StructuredContent.Error.Code != "DENIED_BY_POLICY" {
		t.Errorf("an unknown agent: got %s, want DENIED_BY_POLICY", got.raw)
	}
}

func TestAttach_filesWithErrors_areToldToTheClient(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{"s": {}}, testkit.AllowAll("a"))
	a := p.attach(t)
	if code := a.end(t); code != exitNo || !strings.Contains(a.stderr.String(), `must specify either "command"`) {
		t.Errorf("got exit code %d and %q, want 1 and the problem", code, a.stderr)
	}
}

// A gateway that somebody runs is used, and none is started.
func TestAttach_serviceThatRuns_isUsed(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	g.Await(t, "clients may attach")
	p := &person{home: g.Dir, env: append(testkit.AsGateway(), "GATEHOUSE_HOME="+g.Dir, "PATH="+os.Getenv("PATH"))}
	a := p.open(t, "--mcp-config", g.ServersFile, "--rules", g.RulesFile)
	id := a.call(t, "s", "echo", "{}")
	if got := a.answer(t, id); got.IsError {
		t.Errorf("got %s, want a result", got.raw)
	}
	if log := p.log(t); log != "" {
		t.Errorf("a gateway was started:\n%s\nwant none", log)
	}
}

// A gateway is replaced while clients work: nobody notices.
func TestRestart_gateway_isReplacedUnderItsClients(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, testkit.AllowAll("a"))
	a := p.open(t)
	running := a.call(t, "s", "sleep", `{"ms":300,"id":"running"}`)
	awaitCall(t, record, "running")
	first := p.gateway(t)
	runIn(t, p.env, "restart", "--gateway").want(t, exitFine, "1 client attached")
	if got := a.answer(t, running); got.IsError {
		t.Errorf("the call that ran: got %s, want its result", got.raw)
	}
	second := p.gateway(t, first)
	id := a.call(t, "s", "echo", "{}")
	if got := a.answer(t, id); got.IsError {
		t.Errorf("the call after: got %s, want a result", got.raw)
	}
	if got := strings.Count(p.log(t), `"msg":"gateway ready"`); got != 2 || second == first {
		t.Errorf("got %d gateways, the last one %d, want another one than %d", got, second, first)
	}
	st := value[admin.Status](t, runIn(t, p.env, "status", "--json").want(t, exitFine))
	if st.Attach == nil || st.Attach.Attached != 1 || !st.Attach.Background {
		t.Errorf("status: got %+v, want one attached to a gateway in the background", st.Attach)
	}
}

// A call that its client gives up while the gateway is being replaced ends, and holds
// nobody up.
func TestRestart_callCancelledMeanwhile_ends(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, testkit.AllowAll("a"))
	a := p.open(t)
	running := a.call(t, "s", "sleep", `{"ms":600000,"id":"running"}`)
	awaitCall(t, record, "running")
	first := p.gateway(t)
	replaced := make(chan ran, 1)
	go func() { replaced <- runIn(t, p.env, "restart", "--gateway") }()
	testkit.Eventually(t, "the gateway ends", func() bool { return strings.Contains(p.log(t), `"msg":"gateway stopping"`) })
	a.say(t, fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, running))
	awaitEvent(t, record, "cancelled", "running")
	(<-replaced).want(t, exitFine)
	p.gateway(t, first)
	id := a.call(t, "s", "echo", "{}")
	if got := a.answer(t, id); got.IsError {
		t.Errorf("the next call: got %s, want a result, and no answer to the cancelled one", got.raw)
	}
}

func TestRestart_gatewayThatAttachDidNotStart_isRefused(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	operate(t, g, "restart", "--gateway").want(t, exitNo, "not started by attach")
	operate(t, g, "restart").want(t, exitUsage, "SERVER is missing")
	operate(t, g, "restart", "--gateway", "s").want(t, exitUsage, "--gateway takes no server")
}

// A gateway elsewhere is reached over HTTP; it may restart meanwhile.
func TestAttach_url_isServedAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	home, address := t.TempDir(), testkit.FreeAddress(t)
	record := recordFile(t)
	options := testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t, "--record", record)}.JSON(), Rules: testkit.AllowAll("a"),
		Args: []string{"--http", address}, Unclean: true,
	}
	first := testkit.StartGateway(t, options)
	p := &person{home: home, env: append(testkit.AsGateway(), "GATEHOUSE_HOME="+home)}
	a := p.open(t, "--url", "http://"+address+"/mcp", "--agent", "a")
	id := a.call(t, "s", "echo", `{"word":"one"}`)
	if got := a.answer(t, id); got.IsError || !strings.Contains(got.raw, "one") {
		t.Errorf("got %s, want a result", got.raw)
	}
	running := a.call(t, "s", "sleep", `{"ms":600000,"id":"long"}`)
	awaitCall(t, record, "long")
	first.Signal(t, os.Kill)
	first.Wait(t)
	if got := a.answer(t, running); got.StructuredContent.Error.Code != "GATEWAY_LOST" {
		t.Errorf("the call that ran: got %s, want GATEWAY_LOST", got.raw)
	}
	id = a.call(t, "s", "echo", `{"word":"two"}`) // It waits.
	testkit.StartGateway(t, options)
	if got := a.answer(t, id); got.IsError || !strings.Contains(got.raw, "two") {
		t.Errorf("the call after: got %s, want a result", got.raw)
	}
	if n := len(testkit.Calls(testkit.Record(t, record))["long"]); n != 1 {
		t.Errorf("the call that ran was run %d times, want once", n)
	}
	if code := a.end(t); code != exitFine {
		t.Errorf("got exit code %d, want 0: %s", code, a.stderr)
	}
}

// A token comes from a file of the user's own, and goes nowhere in clear text.
func TestAttach_url_tokens(t *testing.T) {
	t.Parallel()
	p := &person{env: append(testkit.AsGateway(), "GATEHOUSE_HOME="+t.TempDir())}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret-token\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" { // Files have no modes there.
		runIn(t, p.env, "attach", "--url", "https://127.0.0.1:1/mcp", "--token-file", file).want(t, exitNo, "chmod it to 0600")
	}
	runIn(t, p.env, "attach", "--url", "http://gw.example.com/mcp", "--token-file", file).want(t, exitUsage, "use https")
	runIn(t, p.env, "attach", "--url", "https://x:y@gw.example.com/mcp").want(t, exitUsage, "--token-file")
	runIn(t, p.env, "attach", "--token-file", file).want(t, exitUsage, "--token-file needs --url")
}
