package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/internal/locate"
	"gatehouse/testkit"
)

// person is somebody with a home of their own and the files of a shared gateway.
type person struct {
	home, config string
	env          []string
	// begin, if set, starts the process of a client.
	begin func(*exec.Cmd) error
}

// newPerson makes one. What is left of their gateways is ended with the test.
func newPerson(t *testing.T, servers testkit.Servers, rules string) *person {
	t.Helper()
	short, err := os.MkdirTemp("", "gh") // Paths of sockets are short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	home, err := filepath.EvalSymlinks(short)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{home: home, config: locate.ConfigFolder(locate.ConfigDir(runtime.GOOS, noVariables, home))}
	if err := os.MkdirAll(p.config, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{".mcp.json": servers.JSON(), ".mcp-gateway-rules.json": rules} {
		if err := os.WriteFile(filepath.Join(p.config, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.env = append(testkit.AsGateway(), "GATEHOUSE_HOME="+home, "HOME="+home, "USERPROFILE="+home, "LOCALAPPDATA=", "PATH="+os.Getenv("PATH"))
	t.Cleanup(func() {
		for _, pid := range p.gateways() {
			p.stop(pid)
		}
		testkit.Eventually(t, "the gateways have ended", func() bool { return len(p.gateways()) == 0 })
		if t.Failed() {
			t.Logf("the gateways' log:\n%s", p.log(t))
		}
	})
	return p
}

// state is the folder of what gatehouse keeps for them.
func (p *person) state() string { return locate.StateFolder(runtime.GOOS, noVariables, p.home) }

func noVariables(string) string { return "" }

// gateways are the process ids of those that have a socket for operators.
func (p *person) gateways() (pids []int) {
	found, _ := filepath.Glob(filepath.Join(p.state(), "run", "*.sock"))
	for _, path := range found {
		pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".sock"))
		if err == nil && testkit.Alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stop has one of them end in order, if it lives.
func (p *person) stop(pid int) {
	socket := filepath.Join(p.state(), "run", strconv.Itoa(pid)+".sock")
	_ = endGateway(context.Background(), admin.Found{Status: admin.Status{PID: pid}, Client: admin.NewClient(socket)})
}

// gateway is the one that runs. It waits for it.
func (p *person) gateway(t *testing.T, except ...int) (pid int) {
	t.Helper()
	testkit.Eventually(t, "one gateway", func() bool {
		pids := p.gateways()
		if len(pids) != 1 || len(except) > 0 && pids[0] == except[0] {
			return false
		}
		pid = pids[0]
		return true
	})
	return pid
}

// log is what all gateways in the background have written.
func (p *person) log(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(p.state(), "attach", "*.log"))
	var all strings.Builder
	for _, path := range found {
		all.WriteString(testkit.ReadFile(t, path))
	}
	return all.String()
}

// attached is a client behind gatehouse attach.
type attached struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr *lockedText
	lines  chan string // of stdout; closed at its end
	next   int
}

// lockedText is a text that grows.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// attach starts a client, which has not said anything yet.
func (p *person) attach(t *testing.T, args ...string) *attached {
	t.Helper()
	a, out := p.startAttach(t, args...)
	a.lines = make(chan string, 1000)
	go func() {
		defer close(a.lines)
		r := bufio.NewReaderSize(out, 1<<20)
		for {
			line, err := r.ReadString('\n')
			if line != "" {
				a.lines <- line
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = a.in.Close()
		for range a.lines { // To the end of its output.
		}
		_ = a.cmd.Wait()
		if t.Failed() {
			t.Logf("attach said:\n%s", a.stderr)
		}
	})
	return a
}

// startAttach starts attach, and returns what it prints.
func (p *person) startAttach(t *testing.T, args ...string) (*attached, io.ReadCloser) {
	t.Helper()
	cmd := command(t, p.env, append([]string{"attach"}, args...)...)
	a := &attached{cmd: cmd, stderr: &lockedText{}}
	var err error
	if a.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = a.stderr
	begin := (*exec.Cmd).Start
	if p.begin != nil {
		begin = p.begin
	}
	if err := begin(cmd); err != nil {
		t.Fatal(err)
	}
	return a, out
}

// saysOnStderr waits until the client has read something there, which may be after the
// answer that came later.
func (a *attached) saysOnStderr(t *testing.T, want string) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%q on stderr", want), func() bool { return strings.Contains(a.stderr.String(), want) })
}

// open is attach with a session.
func (p *person) open(t *testing.T, args ...string) *attached {
	t.Helper()
	a := p.attach(t, args...)
	a.say(t, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
	if got := a.hear(t); !strings.Contains(got, `"protocolVersion":"2025-11-25"`) {
		t.Fatalf("initialize: got %s, want a version", got)
	}
	a.say(t, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return a
}

func (a *attached) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(a.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// hear waits for a line.
func (a *attached) hear(t *testing.T) string {
	t.Helper()
	select {
	case line, more := <-a.lines:
		if !more {
			t.Fatalf("it ended without a word: %s, want a line", a.stderr)
		}
		return line
	case <-t.Context().Done():
		t.Fatal("the test ended, and no line came")
	}
	return ""
}

// call sends a call of a server's tool without waiting for the answer.
func (a *attached) call(t *testing.T, server, tool, args string) (id int) {
	t.Helper()
	a.next++
	a.say(t, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"execute_tool","arguments":{"agent_id":"a","server":%q,"tool":%q,"args":%s}}}`,
		a.next, server, tool, args))
	return a.next
}

// answerOf is an answer to a call.
type answerOf struct {
	IsError           bool
	StructuredContent struct{ Error struct{ Code string } }
	Content           []struct{ Text string }
	raw               string
}

// answer waits for the answer with this id, which must be the next line.
func (a *attached) answer(t *testing.T, id int) (result answerOf) {
	t.Helper()
	line := a.hear(t)
	var v struct {
		ID     int
		Result json.RawMessage
	}
	if err := errors.Join(json.Unmarshal([]byte(line), &v), json.Unmarshal(v.Result, &result)); err != nil || v.ID != id {
		t.Fatalf("got %s (%v), want the answer to %d", line, err, id)
	}
	result.raw = line
	return result
}

// end ends the input and waits for the process.
func (a *attached) end(t *testing.T) int {
	t.Helper()
	_ = a.in.Close()
	for range a.lines { // To the end of its output.
	}
	_ = a.cmd.Wait()
	return a.cmd.ProcessState.ExitCode()
}
