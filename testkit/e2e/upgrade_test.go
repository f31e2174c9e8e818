//go:build unix

package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

// homeOf is somebody with a home, a shared gateway's files in it, and the program of
// the gateway where an installer would put it.
type homeOf struct {
	dir, program, record string
}

// newHome makes one. What is left of the gateways is ended with the test.
func newHome(t *testing.T) homeOf {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh") // Paths of sockets are short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := homeOf{dir: dir, program: filepath.Join(dir, "bin", "gatehouse"), record: filepath.Join(t.TempDir(), "record.jsonl")}
	config := filepath.Join(dir, ".config", "gatehouse")
	for _, folder := range []string{config, filepath.Dir(h.program)} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	servers := testkit.Servers{"fake": testkit.Fake(t, "--record", h.record)}
	for name, text := range map[string]string{".mcp.json": servers.JSON(), ".mcp-gateway-rules.json": testkit.AllowAll("agent")} {
		if err := os.WriteFile(filepath.Join(config, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, pid := range h.gateways() {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
		testkit.Eventually(t, "the gateways have ended", func() bool { return len(h.gateways()) == 0 })
	})
	return h
}

func (h homeOf) env() []string {
	return []string{"HOME=" + h.dir, "GATEHOUSE_HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR")}
}

// install puts a program in the place of the one before, as package managers do:
// beside it, then by a rename.
func (h homeOf) install(t *testing.T, program string) {
	t.Helper()
	content, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(h.program+".new", content, 0o700)
	}
	if err == nil {
		err = os.Rename(h.program+".new", h.program)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// gateways are the process ids of those that have a socket for operators.
func (h homeOf) gateways() (pids []int) {
	found, _ := filepath.Glob(filepath.Join(h.dir, ".local", "state", "gatehouse", "run", "*.sock"))
	for _, path := range found {
		pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".sock"))
		if err == nil && testkit.Alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// gateway waits until one alone has a socket for operators, and returns its process id:
// clients are served before it has one, and while another one still ends.
func (h homeOf) gateway(t *testing.T) int {
	t.Helper()
	var pids []int
	testkit.Eventually(t, "one gateway can be operated", func() bool {
		pids = h.gateways()
		return len(pids) == 1
	})
	return pids[0]
}

// run runs a command of the installed program and returns what it prints.
func (h homeOf) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), h.program, args...)
	cmd.Dir, cmd.Env = h.dir, h.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("gatehouse %v ended with %v, want it to end well: %s", args, err, out)
	}
	return string(out)
}

// version is the one of the gateway that runs.
func (h homeOf) version(t *testing.T) string {
	t.Helper()
	h.gateway(t)
	var st admin.Status
	if err := json.Unmarshal([]byte(h.run(t, "status", "--json")), &st); err != nil {
		t.Fatal(err)
	}
	return st.Version
}

// callsOf is how often the server has run the call with this id.
func (h homeOf) callsOf(t *testing.T, id string) int {
	t.Helper()
	return len(testkit.Calls(testkit.Record(t, h.record))[id])
}

// conversation is a real client with one session, which it keeps.
type conversation interface {
	// call begins a call of the tool "sleep".
	call(t *testing.T, id string, ms int)
	// answer returns the next answer: of which call, and the gateway's error code.
	answer(t *testing.T) (id, code string)
}

// answeredLine is a line that a client prints.
type answeredLine struct{ ID, Failed, Error string }

// scripted is a client of ours on somebody's SDK.
type scripted struct {
	in  io.Writer
	out *bufio.Reader
}

// converse starts a client that attaches to the gateway of a home.
func converse(t *testing.T, h homeOf, program ...string) scripted {
	t.Helper()
	in, out := startPiped(t, h, append(program, h.program, "attach", "--agent", "agent")...)
	s := scripted{in, out}
	if id, _ := s.answer(t); id != "connected" {
		t.Fatalf("got %q, want it connected", id)
	}
	return s
}

// startPiped starts a program that ends with its stdin.
func startPiped(t *testing.T, h homeOf, argv ...string) (io.Writer, *bufio.Reader) {
	t.Helper()
	cmd, stderr := command(context.WithoutCancel(t.Context()), t, argv[0], argv[1:]...)
	cmd.Env = h.env()
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
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", argv[0], stderr)
		}
	})
	return in, bufio.NewReaderSize(out, 1<<20)
}

func (s scripted) call(t *testing.T, id string, ms int) {
	t.Helper()
	if _, err := fmt.Fprintf(s.in, "%s %d\n", id, ms); err != nil {
		t.Fatal(err)
	}
}

func (s scripted) answer(t *testing.T) (id, code string) {
	t.Helper()
	line, err := s.out.ReadString('\n')
	var a answeredLine
	if err != nil || json.Unmarshal([]byte(line), &a) != nil || a.Failed != "" {
		t.Fatalf("got %q, %v, want an answer", line, err)
	}
	return a.ID, a.Error
}

// appServer is Codex's app server, which an editor talks to, with one thread.
type appServer struct {
	in     io.Writer
	out    *bufio.Reader
	thread string
	asked  map[int]string // calls by the id of their request
}

// startAppServer starts it with the gateway as its MCP server.
func startAppServer(t *testing.T, h homeOf) *appServer {
	t.Helper()
	config := fmt.Sprintf("model = \"fake\"\nmodel_provider = \"fake\"\ncheck_for_update_on_startup = false\n"+
		"[model_providers.fake]\nname = \"fake\"\nbase_url = \"http://127.0.0.1:1\"\nwire_api = \"responses\"\n"+
		"[mcp_servers.gatehouse]\ncommand = %q\nargs = [\"attach\", \"--agent\", \"agent\"]\nstartup_timeout_sec = 60\ntool_timeout_sec = 600\nenv = { GATEHOUSE_HOME = %q }\n", h.program, h.dir)
	folder := filepath.Join(h.dir, ".codex")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	in, out := startPiped(t, h, node(t), npmFile(t, ".bin", "codex"), "app-server")
	c := &appServer{in: in, out: out, asked: map[int]string{}}
	c.send(t, 1, "initialize", `{"clientInfo": {"name": "test", "title": "Test", "version": "1"}}`)
	c.result(t)
	c.say(t, `{"method": "initialized"}`)
	c.send(t, 2, "thread/start", `{}`)
	var started struct{ Thread struct{ ID string } }
	_, text := c.result(t)
	if err := json.Unmarshal(text, &started); err != nil || started.Thread.ID == "" {
		t.Fatalf("got %s, %v, want a thread", text, err)
	}
	c.thread = started.Thread.ID
	return c
}

func (c *appServer) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func (c *appServer) send(t *testing.T, id int, method, params string) {
	t.Helper()
	c.say(t, fmt.Sprintf(`{"id": %d, "method": %q, "params": %s}`, id, method, params))
}

// result waits for the next answer to a request; what else comes is of no interest.
func (c *appServer) result(t *testing.T) (id int, result json.RawMessage) {
	t.Helper()
	for {
		line, err := c.out.ReadString('\n')
		var m struct {
			ID            int
			Method        string
			Result, Error json.RawMessage
		}
		switch {
		case err != nil:
			t.Fatalf("it ended with %v, want an answer", err)
		case json.Unmarshal([]byte(line), &m) != nil || m.Method != "":
		case m.Error != nil:
			t.Fatalf("request %d: got the error %s, want a result", m.ID, m.Error)
		default:
			return m.ID, m.Result
		}
	}
}

func (c *appServer) call(t *testing.T, id string, ms int) {
	t.Helper()
	request := 10 + len(c.asked)
	c.asked[request] = id
	c.send(t, request, "mcpServer/tool/call", fmt.Sprintf(`{"threadId": %q, "server": "gatehouse", "tool": "execute_tool", `+
		`"arguments": {"server": "fake", "tool": "sleep", "args": {"ms": %d, "id": %q}}}`, c.thread, ms, id))
}

func (c *appServer) answer(t *testing.T) (id, code string) {
	t.Helper()
	request, text := c.result(t)
	var result struct {
		StructuredContent struct{ Error struct{ Code string } }
	}
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatalf("got %s, %v, want a result of a tool", text, err)
	}
	return c.asked[request], result.StructuredContent.Error.Code
}

// conversations are real clients by name.
var conversations = map[string]func(t *testing.T, h homeOf) conversation{
	"TypeScript SDK": func(t *testing.T, h homeOf) conversation {
		return converse(t, h, node(t), testdata(t, "clients", "attached1.mjs"))
	},
	"Python SDK, old": func(t *testing.T, h homeOf) conversation {
		return converse(t, h, python(t, "old"), testdata(t, "python", "attached.py"))
	},
	"Python SDK, new": func(t *testing.T, h homeOf) conversation {
		return converse(t, h, python(t, "new"), testdata(t, "python", "attached.py"))
	},
	"Codex": func(t *testing.T, h homeOf) conversation { return startAppServer(t, h) },
}

// A session of each client survives that the gateway is killed, restarted and
// upgraded: calls under way are answered, none is run twice, and what comes after runs.
func TestAttach_sessionsOfRealClients_surviveAKillARestartAndAnUpgrade(t *testing.T) {
	for name, start := range conversations {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.install(t, testkit.Release(t, "v1.0.0"))
			c := start(t, h)
			h.goesOn(t, c, "first")

			kill := func() {
				if err := syscall.Kill(h.gateway(t), syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			h.during(t, c, "killed", 600_000, "GATEWAY_LOST", kill)
			h.goesOn(t, c, "after a kill")

			h.gateway(t)
			h.during(t, c, "restarted", 3000, "", func() { h.run(t, "restart", "--gateway") })
			h.goesOn(t, c, "after a restart")

			h.gateway(t)
			h.during(t, c, "upgraded", 3000, "", func() {
				h.install(t, testkit.Release(t, "v2.0.0"))
				h.run(t, "restart", "--gateway")
			})
			h.goesOn(t, c, "after an upgrade")
			if got := h.version(t); got != "v2.0.0" {
				t.Errorf("after the upgrade: got a gateway of version %s, want v2.0.0", got)
			}
			// Whoever of the old version finds no gateway starts the new one.
			h.during(t, c, "killed-again", 600_000, "GATEWAY_LOST", kill)
			h.goesOn(t, c, "after all of it")
			if got := h.version(t); got != "v2.0.0" {
				t.Errorf("after a kill: got a gateway of version %s, want v2.0.0", got)
			}
		})
	}
}

// goesOn makes a call that must be answered well and run once.
func (h homeOf) goesOn(t *testing.T, c conversation, id string) {
	t.Helper()
	h.during(t, c, strings.ReplaceAll(id, " ", "-"), 0, "", func() {})
}

// during makes a call and, while it runs, something else. The answer must have this
// error code, or none, and the call must have run once.
func (h homeOf) during(t *testing.T, c conversation, id string, ms int, code string, do func()) {
	t.Helper()
	c.call(t, id, ms)
	if ms > 0 {
		testkit.Eventually(t, "the call runs: "+id, func() bool { return h.callsOf(t, id) > 0 })
	}
	do()
	if gotID, got := c.answer(t); gotID != id || got != code {
		t.Fatalf("%s: got the answer to %q with the error %q, want its own with %q", id, gotID, got, code)
	}
	if n := h.callsOf(t, id); n != 1 {
		t.Errorf("%s: the server ran it %d times, want once", id, n)
	}
}
