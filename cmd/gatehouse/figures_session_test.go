package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// A server that runs once for each session: from the client's initialize to the first
// answer of a tool, beside the same of the process itself.
func TestFigures_sessionStart(t *testing.T) {
	figures(t)
	rounds := scaled(40, 2)
	entry := testkit.Fake(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": entry.Settings("scope", "session").Settings("max_instances", rounds)}.JSON(), Rules: testkit.AllowAll("a"),
	})
	var through, bare []time.Duration
	for range rounds {
		began := time.Now()
		a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
		a.Execute(t, "s", "echo", nil).Good(t)
		through = append(through, time.Since(began))
		bare = append(bare, bareStart(t, entry))
	}
	slices.Sort(through)
	slices.Sort(bare)
	t.Logf("session scope, start to first answer: through the gateway median %v, the bare process %v (%d of each, in turn)",
		through[rounds/2].Round(100*time.Microsecond), bare[rounds/2].Round(100*time.Microsecond), rounds)
}

// bareStart is the time from the start of a server's process to the answer to its first
// call.
func bareStart(t *testing.T, entry testkit.Entry) time.Duration {
	t.Helper()
	args, _ := entry["args"].([]string)
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), fmt.Sprint(entry["command"]), args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	for _, message := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bare","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n" + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{}}}`,
	} {
		if _, err := io.WriteString(in, message+"\n"); err != nil || !lines.Scan() || !strings.Contains(lines.Text(), `"result"`) {
			t.Fatalf("got %s %v, want a result", lines.Text(), err)
		}
	}
	return time.Since(began)
}
