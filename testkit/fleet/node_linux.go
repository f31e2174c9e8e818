package fleet

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"gatehouse/testkit"
)

// Node is one gateway of a Fleet.
type Node struct {
	ID  string
	URL string // for agents, without a path
	Dir string

	fleet *Fleet
	// peers is on the way of the others to this one, and stores on the way of this one to
	// each member of etcd: if there are proxies. Otherwise host is where it runs.
	peers   *Proxy
	stores  []*Proxy
	host    *host
	program string
	args    []string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the process was reaped
}

// environment is the little that a gateway may know of its surroundings.
func (n *Node) environment() []string {
	env := []string{
		"HOME=" + n.Dir, "GATEHOUSE_HOME=" + n.Dir, "XDG_CONFIG_HOME=" + filepath.Join(n.Dir, "config"), "XDG_STATE_HOME=" + filepath.Join(n.Dir, "state"),
		"XDG_RUNTIME_DIR=" + n.Dir, "ONLY_ON_" + strings.ToUpper(n.ID) + "=here",
	}
	for _, key := range []string{"PATH", "TMPDIR"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}

// Start starts the gateway, and returns at once.
func (n *Node) Start() {
	n.fleet.t.Helper()
	log, err := os.OpenFile(n.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		n.fleet.t.Fatal(err)
	}
	defer log.Close() // The process has its own.
	cmd := n.host.command(n.program, n.args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.Dir, n.environment(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // Its guard ends the rest.
	if err := cmd.Start(); err != nil {
		n.fleet.t.Fatal(err)
	}
	done := make(chan struct{})
	n.mu.Lock()
	n.cmd, n.done = cmd, done
	n.mu.Unlock()
	go func() {
		_ = cmd.Wait() // ProcessState tells the rest.
		close(done)
	}()
}

// Upgrade has the gateway be of a version from its next start on.
func (n *Node) Upgrade(version string) {
	n.fleet.t.Helper()
	n.program = testkit.Release(n.fleet.t, version)
}

// Write writes a file in the gateway's folder, in one step.
func (n *Node) Write(name, text string) {
	n.fleet.t.Helper()
	path := filepath.Join(n.Dir, name)
	write(n.fleet.t, path+".new", []byte(text))
	if err := os.Rename(path+".new", path); err != nil {
		n.fleet.t.Fatal(err)
	}
}

// Log is all that the gateway has logged.
func (n *Node) Log() string {
	text, _ := os.ReadFile(n.log()) // It may not have begun.
	return string(text)
}

func (n *Node) log() string { return filepath.Join(n.Dir, "log") }

func (n *Node) process() (*exec.Cmd, chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd, n.done
}

// PID is that of the gateway.
func (n *Node) PID() int {
	cmd, _ := n.process()
	return cmd.Process.Pid
}

// Signal sends the gateway a signal, and no other process: not even one that has its number
// by now, such as a gateway of another test.
func (n *Node) Signal(sig syscall.Signal) {
	n.fleet.t.Helper()
	cmd, _ := n.process()
	if err := cmd.Process.Signal(sig); err != nil {
		n.fleet.t.Fatalf("%s: %v, want that it is there for the signal", n.ID, err)
	}
}

// SignalAll sends a signal to the gateway, its guard and its servers, in no time that
// counts: as if the machine stood still.
func (n *Node) SignalAll(sig syscall.Signal) {
	n.fleet.t.Helper()
	for _, pid := range append(descendants(n.PID()), n.PID()) {
		_ = syscall.Kill(pid, sig) // One may have ended meanwhile.
	}
}

// Waited notes how long the gateway and its guard have waited for a processor. What it returns
// tells for how long they both have since then: the thread of each that did so longest.
func (n *Node) Waited() func() time.Duration {
	n.fleet.t.Helper()
	both := []int{n.PID()}
	for _, pid := range descendants(n.PID()) {
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.TrimSpace(string(name)) == "gatehouse-guard" {
			both = append(both, pid)
		}
	}
	before := make([]map[string]time.Duration, len(both))
	for i, pid := range both {
		before[i] = waited(pid)
	}
	return func() time.Duration {
		shorter := time.Duration(math.MaxInt64)
		for i, pid := range both {
			longest := time.Duration(0)
			for thread, d := range waited(pid) {
				longest = max(longest, d-before[i][thread])
			}
			shorter = min(shorter, longest)
		}
		return shorter
	}
}

// waited is for how long each thread of a process has waited for a processor.
func waited(pid int) map[string]time.Duration {
	all := map[string]time.Duration{}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		text, _ := os.ReadFile(path) // It may have ended.
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			ns, _ := strconv.ParseInt(fields[1], 10, 64)
			all[path] = time.Duration(ns)
		}
	}
	return all
}

// Ended reports whether the gateway's process has ended.
func (n *Node) Ended() bool {
	_, done := n.process()
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// Wait waits until the gateway has ended, and returns its exit code.
func (n *Node) Wait() int {
	n.fleet.t.Helper()
	cmd, done := n.process()
	select {
	case <-done:
		return cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		n.fleet.t.Fatalf("%s did not end", n.ID)
		return -1
	}
}

// Kill kills the gateway and waits for its end.
func (n *Node) Kill() {
	n.fleet.t.Helper()
	n.Signal(syscall.SIGKILL)
	n.Wait()
}

// end ends the gateway with the test.
func (n *Node) end() {
	cmd, done := n.process()
	if cmd == nil {
		return
	}
	n.CutPeers(Pass)
	for _, pid := range descendants(cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	_ = cmd.Process.Signal(syscall.SIGCONT)
	_ = cmd.Process.Signal(syscall.SIGKILL) // The guard ends what it leaves.
	<-done
}

// AwaitReady waits until the gateway wants to be sent calls.
func (n *Node) AwaitReady() {
	n.fleet.t.Helper()
	testkit.Eventually(n.fleet.t, n.ID+" is ready", n.Ready)
}

// Ready reports whether the gateway wants to be sent calls.
func (n *Node) Ready() bool {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Command runs a command of the program as an operator would on this node.
func (n *Node) Command(args ...string) (string, error) {
	n.fleet.t.Helper()
	cmd := exec.Command(n.program, args...)
	cmd.Dir, cmd.Env = n.Dir, n.environment()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
