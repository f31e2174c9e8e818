package testkit

import (
	"cmp"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
