package testkit

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// HTTPFake is a fake server that runs on its own and is reached by url.
type HTTPFake struct {
	Base string // "http://127.0.0.1:port"; /mcp and /sse are below it

	args []string
	cmd  *exec.Cmd
}

// StartHTTPFake starts a fake server on a port of its own. It is killed with the
// test.
func StartHTTPFake(t testing.TB, args ...string) *HTTPFake {
	t.Helper()
	f := &HTTPFake{args: args}
	f.start(t, FreeAddress(t))
	t.Cleanup(f.Kill)
	return f
}

func (f *HTTPFake) start(t testing.TB, addr string) {
	t.Helper()
	f.cmd = exec.Command(FakeServer(t), append([]string{"--http", addr}, f.args...)...)
	out, err := f.cmd.StdoutPipe()
	check(t, err)
	check(t, f.cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	check(t, err)
	var hello struct{ Listening string }
	check(t, json.Unmarshal([]byte(line), &hello))
	f.Base = hello.Listening
}

// PID is the server's process id.
func (f *HTTPFake) PID() int { return f.cmd.Process.Pid }

// Kill kills the server and reaps it. It may be called again.
func (f *HTTPFake) Kill() {
	_ = f.cmd.Process.Kill() // It may have ended by itself.
	_ = f.cmd.Wait()
}

// Restart starts it again on the same port, after Kill or its own end. Args,
// if there are any, take the place of the former ones.
func (f *HTTPFake) Restart(t testing.TB, args ...string) {
	t.Helper()
	f.Kill()
	if args != nil {
		f.args = args
	}
	f.start(t, strings.TrimPrefix(f.Base, "http://"))
}
