//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"gatehouse/testkit"
)

// speaker is a client of a program that serves stdio.
type speaker struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	next int
}

func speak(t *testing.T, env []string, program string, args ...string) *speaker {
	t.Helper()
	s := &speaker{cmd: exec.CommandContext(t.Context(), program, args...)}
	s.cmd.Env = env
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReaderSize(out, 1<<20)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.in.Close()
		_ = s.cmd.Wait()
	})
	s.ask(t, `"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}`)
	return s
}

// ask asks and waits for the answer, and returns how long that took.
func (s *speaker) ask(t *testing.T, request string) time.Duration {
	t.Helper()
	s.next++
	begun := time.Now()
	if _, err := fmt.Fprintf(s.in, `{"jsonrpc":"2.0","id":%d,%s}`+"\n", s.next, request); err != nil {
		t.Fatal(err)
	}
	if line, err := s.out.ReadString('\n'); err != nil {
		t.Fatalf("got %q, %v, want an answer", line, err)
	}
	return time.Since(begun)
}

// What a call costs through attach, against the same call by run, in turns; and what
// attach holds while it is idle.
func TestFigures_attach(t *testing.T) {
	if !full() {
		t.Skip("it builds a program of its own: make figures measures it")
	}
	p := newPerson(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.AllowAll("a"))
	program := testkit.Binary(t)
	env := []string{"GATEHOUSE_HOME=" + p.home, "HOME=" + p.home, "PATH=" + os.Getenv("PATH"), "XDG_STATE_HOME=" + filepath.Join(p.home, "other")}
	files := []string{"--mcp-config", filepath.Join(p.config, ".mcp.json"), "--rules", filepath.Join(p.config, ".mcp-gateway-rules.json"), "--agent", "a"}
	begun := time.Now()
	shared := speak(t, env, program, append([]string{"attach", "--linger", "1s"}, files...)...)
	t.Logf("a cold start to the answer to initialize: %v", time.Since(begun).Round(time.Millisecond))
	own := speak(t, env, program, append([]string{"run", "--log-level", "error"}, files...)...)
	const call = `"method":"tools/call","params":{"name":"execute_tool","arguments":{"server":"s","tool":"echo","args":{"text":"hello"}}}`
	times := map[*speaker][]time.Duration{}
	for round := range 40 {
		for _, s := range []*speaker{own, shared} {
			for i := range 100 {
				if took := s.ask(t, call); i >= 10 && round > 0 {
					times[s] = append(times[s], took)
				}
			}
		}
	}
	middle := func(s *speaker, part float64) time.Duration {
		slices.Sort(times[s])
		return times[s][int(part*float64(len(times[s])))]
	}
	for name, part := range map[string]float64{"median": 0.5, "p99": 0.99} {
		t.Logf("a call, %s: run %v, attach %v, %.2f times as long", name, middle(own, part), middle(shared, part),
			float64(middle(shared, part))/float64(middle(own, part)))
	}
	idle := speak(t, env, program, append([]string{"attach"}, files...)...)
	for name, s := range map[string]*speaker{"idle": idle, "after 4,000 calls": shared} {
		held := 0
		testkit.Eventually(t, "attach holds less than 12 MiB", func() bool { // It gives memory back when it has been idle.
			status := testkit.ReadFile(t, fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
			held, _ = strconv.Atoi(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(status)[1])
			return held < 12<<10
		})
		t.Logf("memory of attach, %s: %d kB", name, held)
	}
}
