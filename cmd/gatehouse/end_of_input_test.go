package main

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// Scripts write all that they ask and close their end: what runs and what waits
// for a server is answered.
func TestStdio_callsBehindTheEndOfInput_areAnswered(t *testing.T) {
	t.Parallel()
	g := overStdio(t, testkit.Options{
		Servers: testkit.Servers{"slow": testkit.Fake(t, "--start-delay", "1500ms"), "s": testkit.Fake(t)}.JSON(),
		Rules:   testkit.AllowAll("a"), NoWait: true,
	})
	var in strings.Builder
	in.WriteString("\ufeff" + `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":[],"clientInfo":{"name":"t","version":1.0}}}` + "\n \n")
	call := `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"execute_tool","arguments":{"agent_id":"a","server":%q,"tool":"sleep","args":{"ms":700}}}}` + "\n"
	fmt.Fprintf(&in, call, 1, "slow")
	fmt.Fprintf(&in, call, 2, "s")
	if _, err := io.WriteString(g.Stdin(), in.String()); err != nil {
		t.Fatal(err)
	}
	g.CloseStdin(t)
	out := bufio.NewReader(g.Stdout())
	for range 3 {
		line, err := out.ReadString('\n')
		if err != nil || strings.Contains(line, `"error"`) || strings.Contains(line, `"isError":true`) {
			t.Errorf("got %s, %v, want a result", line, err)
		}
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

func TestStdio_drainOnEOF_isTheLimit(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g := stdio(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, "--drain-on-eof", "0s")
	blockAndClose(t, g, record)
	if line, err := bufio.NewReader(g.Stdout()).ReadString('\n'); err != nil || !strings.Contains(line, `"isError":true`) {
		t.Errorf("got %s, %v, want a call that was cancelled", line, err)
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

// Clients close our input, wait a little, send TERM and soon KILL: with the
// first of them the call's time is over.
func TestStdio_signalWhileCallsDrain_endsThem(t *testing.T) {
	testkit.OfRunAlone(t, "TestAttach_signalWhileCallsDrain_endsThem shows it of the relay")
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	record := recordFile(t)
	g := stdio(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, "--drain-on-eof", "10m", "--shutdown-timeout", "10m")
	blockAndClose(t, g, record)
	g.Await(t, "end of input")
	terminate(t, g)
	if line, err := bufio.NewReader(g.Stdout()).ReadString('\n'); err != nil || !strings.Contains(line, `"isError":true`) {
		t.Errorf("got %s, %v, want a call that was ended", line, err)
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

// blockAndClose calls a tool that takes ten minutes, and ends the input.
func blockAndClose(t *testing.T, g *testkit.Gateway, record string) {
	t.Helper()
	g.Await(t, "server ready", "server", "s")
	if _, err := io.WriteString(g.Stdin(), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_tool","arguments":`+
		`{"agent_id":"a","server":"s","tool":"sleep","args":{"ms":600000,"id":"long"}}}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	awaitCall(t, record, "long")
	g.CloseStdin(t)
}
