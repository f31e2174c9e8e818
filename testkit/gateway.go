package testkit

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options say how a gateway is started.
type Options struct {
	Servers string // content of .mcp.json; see Servers.JSON
	Rules   string // content of .mcp-gateway-rules.json; see Rules.JSON
	Args    []string
	Env     []string // more "KEY=value" for the gateway
	// Stdio serves an agent on stdin and stdout instead of HTTP.
	Stdio bool
	// Attach, with Stdio, puts attach and a shared gateway in the place of run.
	Attach bool
	// Search leaves out the flags that name the files: the gateway looks for
	// them itself.
	Search bool
	// NoWait returns at once; otherwise StartGateway waits until the gateway
	// is ready.
	NoWait bool
	// Before runs in the gateway's folder before it is started.
	Before func(dir string)
	// Unclean expects that the gateway is killed or ends with an error: the
	// end of the test does not check its exit code and its children.
	Unclean bool
	// Program is another build of the gateway, to compare with.
	Program string
	// Race starts this test binary as the gateway in any case, with the race
	// detector if the tests have it: for what many goroutines do at once. Without
	// it "make test" starts the faster Program; "make race" knows no difference.
	Race bool
}

// Gateway is the assembled gateway: a child process (this test binary again,
// see RunMain) in a folder of its own, with an environment of its own, ended
// with the test.
type Gateway struct {
	Dir         string
	ServersFile string
	RulesFile   string
	AuditFile   string
	Log         *Book
	Args        []string // of the process, the program's name apart

	opt    Options
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *tee
	stderr io.ReadCloser
	done   chan struct{} // closed when the process was reaped
}

// StartGateway starts a gateway and, unless told not to, waits until it is
// ready. At the end of the test it is told to end; then its exit code, its
// children, its stdout and the race detector's silence are checked. With
// GATEHOUSE_TEST_LOG set the end of its log is shown also when the test
// passes.
func StartGateway(t testing.TB, opt Options) *Gateway {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	g := &Gateway{
		Dir: dir, opt: opt, Log: newBook(), done: make(chan struct{}),
		ServersFile: filepath.Join(dir, ".mcp.json"),
		RulesFile:   filepath.Join(dir, ".mcp-gateway-rules.json"),
		AuditFile:   filepath.Join(dir, "audit.jsonl"),
	}
	check(t, os.WriteFile(g.ServersFile, []byte(opt.Servers), 0o600))
	check(t, os.WriteFile(g.RulesFile, []byte(opt.Rules), 0o600))
	if opt.Before != nil {
		opt.Before(dir)
	}
	g.start(t)
	t.Cleanup(func() { g.finish(t) })
	if !opt.NoWait {
		g.Await(t, "gateway ready")
	}
	return g
}

func (g *Gateway) start(t testing.TB) {
	t.Helper()
	program := g.opt.program(t)
	g.Args = []string{"run", "--audit-log", g.AuditFile, "--log-format", "json", "--log-level", "debug"}
	if !g.opt.Search {
		g.Args = append(g.Args, "--mcp-config", g.ServersFile, "--rules", g.RulesFile)
	}
	if !g.opt.Stdio {
		g.Args = append(g.Args, "--transport", "http", "--http", "127.0.0.1:0")
	}
	args := g.opt.Args
	var client []string
	if g.opt.behindAttach() {
		client, args = splitArgs(args)
		g.Args = append(g.Args, "--transport", "attach")
	}
	g.Args = append(g.Args, args...)
	g.cmd = exec.Command(program, g.Args...)
	g.cmd.Dir = g.Dir
	g.cmd.Env = g.opt.environment(g.Dir)
	var err error
	g.stdin, err = g.cmd.StdinPipe()
	check(t, err)
	stdout, err := g.cmd.StdoutPipe()
	check(t, err)
	g.stderr, err = g.cmd.StderrPipe()
	check(t, err)
	check(t, g.cmd.Start())
	own := newTee(stdout, g.opt.Stdio && !g.opt.behindAttach())
	g.stdout = own
	go func() {
		defer close(g.done)
		g.Log.read(g.stderr)
		<-own.ended
		_ = g.cmd.Wait() // ProcessState tells the rest.
	}()
	if g.opt.behindAttach() {
		g.attachClient(t, program, client)
	}
}

// startsBuilt is set in a test process whose gateways are built programs: see
// RunBuilt.
var startsBuilt bool

// built returns the program that Env names by Built, or "" where the test
// binary is the gateway.
func (o Options) built() string {
	if !startsBuilt || o.Program != "" {
		return ""
	}
	for _, kv := range o.Env {
		if path, ok := strings.CutPrefix(kv, binaryVariable+"="); ok {
			return path
		}
	}
	return ""
}

// program returns what is executed. A built gateway is executed at once: a test
// binary that becomes one would have to be set up first, for nothing.
func (o Options) program(t testing.TB) string {
	t.Helper()
	if path := cmp.Or(o.Program, o.built()); path != "" {
		return path
	}
	if !o.Race {
		return Program(t)
	}
	self, err := os.Executable()
	check(t, err)
	return self
}

// becomes reports whether what is executed is this test binary, or may be.
func (o Options) becomes() bool {
	return o.built() == "" && (o.Race || o.Program != "" || !startsReady())
}

// environment is the little that a gateway in a test may know of its
// surroundings.
func (o Options) environment(dir string) []string {
	env := append(environment(dir), o.Env...)
	if o.becomes() { // Else what it starts would have this, too.
		env = append(env, mainVariable+"=1")
	}
	return env
}

// environment is what every gateway in a test may know.
func environment(dir string) []string {
	env := []string{
		"HOME=" + dir, "USERPROFILE=" + dir,
		"GATEHOUSE_HOME=" + dir,
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
		"XDG_STATE_HOME=" + filepath.Join(dir, "state"),
	}
	for _, key := range []string{"PATH", "TMPDIR", "TEMP", "TMP", "SystemRoot", "GORACE", "GOGC", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}

// CloseStderr makes the reader of the gateway's log go away: what it logs from
// now on is lost, to this test as well.
func (g *Gateway) CloseStderr(t testing.TB) {
	t.Helper()
	check(t, g.stderr.Close())
}

// CloseStdout makes the reader of the gateway's stdout go away.
func (g *Gateway) CloseStdout(t testing.TB) {
	t.Helper()
	check(t, g.stdout.in.Close())
}

// PID is the gateway's process id.
func (g *Gateway) PID() int { return g.cmd.Process.Pid }

// BaseURL is "http://host:port" of the gateway. It waits until it listens.
func (g *Gateway) BaseURL(t testing.TB) string {
	t.Helper()
	return "http://" + g.Await(t, "gateway listening").Str("addr")
}

// Await waits for a log line with this message and these attributes (key,
// value, ...), from the start of the log on.
func (g *Gateway) Await(t testing.TB, msg string, attrs ...any) Line {
	t.Helper()
	return g.AwaitFrom(t, 0, msg, attrs...)
}

// AwaitFrom is Await among the lines from a mark (Log.Len) on.
func (g *Gateway) AwaitFrom(t testing.TB, mark int, msg string, attrs ...any) Line {
	t.Helper()
	line, ok := g.tryAwait(mark, func(l Line) bool { return l.is(msg, attrs) })
	if !ok {
		g.autopsy(t, "the gateway has not logged %q %v", msg, attrs)
		t.FailNow()
	}
	return line
}

// AwaitLine is AwaitFrom with a condition of the caller's.
func (g *Gateway) AwaitLine(t testing.TB, mark int, what string, ok func(Line) bool) Line {
	t.Helper()
	line, found := g.tryAwait(mark, ok)
	if !found {
		g.autopsy(t, "the gateway has not logged %s", what)
		t.FailNow()
	}
	return line
}

func (g *Gateway) tryAwait(mark int, ok func(Line) bool) (Line, bool) {
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		lines, ended, more := g.Log.since(mark)
		for _, l := range lines {
			if ok(l) {
				return l, true
			}
		}
		if ended {
			return Line{}, false
		}
		mark += len(lines)
		select {
		case <-more:
		case <-deadline.C:
			return Line{}, false
		}
	}
}

// Count is the number of lines so far, from a mark on, with this message and
// these attributes.
func (g *Gateway) Count(mark int, msg string, attrs ...any) int {
	lines, _, _ := g.Log.since(mark)
	n := 0
	for _, l := range lines {
		if l.is(msg, attrs) {
			n++
		}
	}
	return n
}

// Apply writes a file atomically and waits until it has been applied; it gives
// the line that says so.
func (g *Gateway) Apply(t testing.TB, path, content string) Line {
	t.Helper()
	mark := g.Log.Len()
	WriteAtomic(t, path, content)
	return g.AwaitFrom(t, mark, "config applied", "role", g.role(path))
}

// Reject writes a file atomically and waits until it has been rejected; it
// gives the line that says so.
func (g *Gateway) Reject(t testing.TB, path, content string) Line {
	t.Helper()
	mark := g.Log.Len()
	WriteAtomic(t, path, content)
	return g.AwaitFrom(t, mark, "config rejected", "role", g.role(path))
}

func (g *Gateway) role(path string) string {
	if path == g.RulesFile {
		return "rules"
	}
	return "servers"
}

// Signal sends a signal to the gateway.
func (g *Gateway) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	check(t, g.cmd.Process.Signal(sig))
}

// Wait waits for the end of the gateway and gives its exit code, -1 if a
// signal ended it.
func (g *Gateway) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-g.done:
		return g.cmd.ProcessState.ExitCode()
	case <-time.After(Patience):
		g.autopsy(t, "the gateway has not ended")
		t.FailNow()
		return -1
	}
}

// Stop sends SIGTERM and waits for the end.
func (g *Gateway) Stop(t testing.TB) int {
	t.Helper()
	g.terminate(t)
	return g.Wait(t)
}

func (g *Gateway) terminate(t testing.TB) {
	t.Helper()
	var err error
	if runtime.GOOS == "windows" {
		err = g.cmd.Process.Kill() // There is no SIGTERM.
	} else {
		err = g.cmd.Process.Signal(syscall.SIGTERM)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// ServerPIDs returns the process ids of all servers that were ever ready.
func (g *Gateway) ServerPIDs() []int {
	var out []int
	for _, l := range g.Log.Lines() {
		if l.Msg == "server ready" && l.Int("pid") > 0 {
			out = append(out, l.Int("pid"))
		}
	}
	return out
}

// end tells the gateway to end, if it runs: as its client does, at the end of
// the input, or by SIGTERM.
func (g *Gateway) end(t testing.TB) {
	t.Helper()
	select {
	case <-g.done:
		return
	default:
	}
	if g.opt.Stdio {
		_ = g.stdin.Close() // A client may have closed it.
		return
	}
	g.terminate(t)
}

// finish ends the gateway, if it runs, and checks what every gateway owes.
func (g *Gateway) finish(t testing.TB) {
	t.Helper()
	_ = g.stdout.out.Close() // Nobody reads any more; do not let it block on us.
	g.end(t)
	select {
	case <-g.done:
	case <-time.After(Patience):
		g.autopsy(t, "the gateway has not ended, told to at the end of the test")
		return
	}
	if strings.Contains(strings.Join(g.Log.Other(), "\n"), "DATA RACE") {
		t.Errorf("there must be no data race in the gateway:\n%s", strings.Join(g.Log.Other(), "\n"))
	}
	g.stdout.verify(t, g.opt.Stdio)
	if !g.opt.Unclean && runtime.GOOS != "windows" {
		g.checkClean(t)
	}
	if t.Failed() || os.Getenv("GATEHOUSE_TEST_LOG") != "" {
		g.dump(t)
		t.Logf("and other lines:\n%s", strings.Join(g.Log.Other(), "\n"))
	}
}

// checkClean checks the exit code and that no server survived.
func (g *Gateway) checkClean(t testing.TB) {
	t.Helper()
	if code := g.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the gateway ended with %v, want exit status 0", g.cmd.ProcessState)
	}
	for _, l := range g.Log.Lines() {
		pid := l.Int("pid")
		if l.Msg == "server ready" && pid > 0 && Alive(pid) && !begunAfter(pid, l.Time) {
			t.Errorf("server process %d outlived the gateway, want it gone", pid)
		}
	}
}

// autopsy fails the test, first with what was waited for in vain and how the gateway
// is. Then it ends one that hangs in a way that makes it print the stacks of all its
// goroutines, and shows them with its log.
func (g *Gateway) autopsy(t testing.TB, format string, args ...any) {
	t.Helper()
	g.opt.Unclean = true // The failure is told already.
	t.Errorf("got no end of a wait, want one: %s; %s", fmt.Sprintf(format, args...), g.condition())
	_ = g.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-g.done:
	case <-time.After(Patience / 18):
		_ = g.cmd.Process.Kill()
	}
	g.dump(t)
	t.Logf("and all else that it wrote:\n%s", strings.Join(g.Log.Other(), "\n"))
}

// condition returns in words whether the gateway runs, and what it said last.
func (g *Gateway) condition() string {
	last := "it has logged nothing"
	if lines := g.Log.Lines(); len(lines) > 0 {
		last = "its last line is " + lines[len(lines)-1].Raw
	}
	select {
	case <-g.done:
		return fmt.Sprintf("it has ended with %v, and %s", g.cmd.ProcessState, last)
	default:
		return fmt.Sprintf("it (process %d) still runs after %v, and %s", g.PID(), Patience, last)
	}
}

// dumpLines is how much of the log a failure shows.
const dumpLines = 150

// dump shows the end of the log.
func (g *Gateway) dump(t testing.TB) {
	t.Helper()
	lines := g.Log.Lines()
	lines = lines[max(0, len(lines)-dumpLines):]
	var s strings.Builder
	for _, l := range lines {
		s.WriteString("\n" + l.Raw)
	}
	t.Logf("the end of the gateway's log:%s", s.String())
}
