package fleet

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// Options say which gateways act as one in a test.
type Options struct {
	// Nodes is how many gateways there are; 3 if 0.
	Nodes int
	// Members is how many members etcd has; 1 if 0.
	Members int
	// TTL is that of their leases, in whole seconds; 2 s if 0.
	TTL time.Duration
	// Servers is how many single servers they share; 6 if 0. They are named s0, s1, ...
	Servers int
	// Odd is the name of one more of them, "" for none.
	Odd string
	// Rules is the rules file; Agent may do everything if it is empty.
	Rules string
	// Args are more flags of each gateway.
	Args []string
}

// Fleet is several gateways that act as one: the built program, each in a folder of its
// own, with one etcd. All of their connections to each other and to etcd go through
// proxies.
type Fleet struct {
	Etcd  *Etcd
	Nodes []*Node
	Eye   *Eye
	// TTL is that of the leases.
	TTL time.Duration

	t       testing.TB
	dir     string
	options Options
	program string
}

// Node is one gateway of a Fleet.
type Node struct {
	ID  string
	URL string // for agents, without a path
	// Peers is on the way of the others to this one, and Store on the way of this one to
	// each member of etcd.
	Peers *Proxy
	Store []*Proxy
	Dir   string

	fleet *Fleet
	args  []string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the process was reaped
}

// Start starts the gateways, gives them their configuration and waits until each is ready
// and every server has been started. They end with the test.
func Start(t testing.TB, o Options) *Fleet {
	t.Helper()
	o = o.withDefaults()
	f := &Fleet{t: t, TTL: o.TTL, options: o, program: testkit.Binary(t)}
	f.Etcd = StartEtcd(t, o.Members, EtcdOptions{})
	dir, err := os.MkdirTemp("", "gatehouse-fleet-") // Short enough for the path of a socket.
	if err != nil {
		t.Fatal(err)
	}
	f.dir = dir
	t.Cleanup(func() {
		if t.Failed() {
			f.dump()
		}
		_ = os.RemoveAll(dir)
	})
	f.Eye = openEye(t, filepath.Join(dir, "record.jsonl"))
	for i := range o.Nodes {
		f.Nodes = append(f.Nodes, f.node("n"+strconv.Itoa(i+1)))
	}
	f.Apply(f.Config(), o.Rules, "--first")
	for _, n := range f.Nodes {
		n.Start()
	}
	for _, n := range f.Nodes {
		n.AwaitReady()
	}
	for i := range o.Servers {
		f.Eye.AwaitCopy(Server(i))
	}
	return f
}

func (o Options) withDefaults() Options {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Members == 0 {
		o.Members = 1
	}
	if o.TTL == 0 {
		o.TTL = 2 * time.Second
	}
	if o.Servers == 0 {
		o.Servers = 6
	}
	if o.Rules == "" {
		o.Rules = testkit.Rules{Agent: {Allow: []string{"*"}}}.JSON()
	}
	return o
}

// Agent is who calls.
const Agent = "load"

// Server is the name of a server that all share.
func Server(i int) string { return "s" + strconv.Itoa(i) }

// With is the configuration of the servers that all share, and one more.
func (f *Fleet) With(name string, entry testkit.Entry) string {
	servers := f.servers()
	servers[name] = entry
	return servers.JSON()
}

// Config is the configuration of the servers that all share, and the others.
func (f *Fleet) Config() string { return f.servers().JSON() }

func (f *Fleet) servers() testkit.Servers {
	servers := testkit.Servers{}
	for i := range f.options.Servers {
		servers[Server(i)] = f.Fake(Server(i))
	}
	if f.options.Odd != "" {
		servers[f.options.Odd] = f.Fake("odd")
	}
	return servers
}

// Fake is an entry whose process the eye sees, under a tag.
func (f *Fleet) Fake(tag string, args ...string) testkit.Entry {
	f.t.Helper()
	return testkit.Fake(f.t, append([]string{"--tag", tag, "--record", f.Eye.path}, args...)...).Settings("restart_wait_ms", 30000)
}

// node makes a gateway, which does not run yet.
func (f *Fleet) node(id string) *Node {
	f.t.Helper()
	listen, front := freeAddress(f.t), freeAddress(f.t)
	n := &Node{ID: id, URL: "http://" + front, fleet: f, Dir: filepath.Join(f.dir, id), Peers: StartProxy(f.t, listen)}
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		f.t.Fatal(err)
	}
	var urls []string
	for _, m := range f.Etcd.Members {
		p := StartProxy(f.t, strings.TrimPrefix(m.URL, "http://"))
		n.Store, urls = append(n.Store, p), append(urls, "http://"+p.Addr())
	}
	n.args = append([]string{
		"run", "--transport", "http", "--http", front, "--fleet", "test", "--fleet-store", strings.Join(urls, ","),
		"--fleet-listen", listen, "--fleet-advertise", n.Peers.Addr(), "--fleet-node", id, "--fleet-ttl", f.TTL.String(),
		"--insecure", "--shutdown-delay", "200ms", "--audit-log", filepath.Join(n.Dir, "audit.jsonl"), "--log-format", "json", "--log-level", "debug",
	}, f.options.Args...)
	f.t.Cleanup(n.end)
	return n
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
	cmd := exec.Command(n.fleet.program, n.args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.Dir, n.environment(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
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

// Log is all that the gateway has logged.
func (n *Node) Log() string {
	text, _ := os.ReadFile(n.log()) // It may not have begun.
	return string(text)
}

// Second makes another gateway with the id of one that there is, in a folder of its own.
func (f *Fleet) Second(of *Node) *Node {
	f.t.Helper()
	n := f.node(of.ID + "-again")
	n.args[slices.Index(n.args, "--fleet-node")+1] = of.ID
	return n
}

// CallOnce makes one call of a server's echo.
func (f *Fleet) CallOnce(n *Node, server, id string) *Called {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	return f.Call(ctx, http.DefaultClient, n, server, id)
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

// Signal sends the gateway a signal, and no other process.
func (n *Node) Signal(sig syscall.Signal) {
	n.fleet.t.Helper()
	if err := syscall.Kill(n.PID(), sig); err != nil {
		n.fleet.t.Fatal(err)
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
	n.Peers.Set(Pass)
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
	Eventually(n.fleet.t, n.ID+" is ready", n.Ready)
}

// Eventually waits until something is true that nothing tells of.
func Eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ask(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never came true: %s", what)
		}
	}
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

// Isolate has all of a gateway's connections to etcd, and those of the others to it, do
// something.
func (n *Node) Isolate(m Mode) {
	n.Peers.Set(m)
	n.CutStore(m)
}

// CutStore has the gateway's connections to etcd do something.
func (n *Node) CutStore(m Mode) {
	for _, p := range n.Store {
		p.Set(m)
	}
}

// Command runs a command of the program as an operator would on this node.
func (n *Node) Command(args ...string) (string, error) {
	n.fleet.t.Helper()
	cmd := exec.Command(n.fleet.program, args...)
	cmd.Dir, cmd.Env = n.Dir, n.environment()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// Apply applies a configuration to the whole fleet.
func (f *Fleet) Apply(servers, rules string, args ...string) {
	f.t.Helper()
	if out, err := f.TryApply(servers, rules, args...); err != nil {
		f.t.Fatalf("apply: %v, want no error\n%s", err, out)
	}
}

// TryApply is Apply that may be refused.
func (f *Fleet) TryApply(servers, rules string, args ...string) (string, error) {
	f.t.Helper()
	n := f.Nodes[0]
	file, ruleFile := filepath.Join(f.dir, "mcp.json"), filepath.Join(f.dir, "rules.json")
	for path, text := range map[string]string{file: servers, ruleFile: rules} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	return n.Command(append([]string{
		"apply", "--fleet", "test", "--fleet-store", strings.Join(f.Etcd.URLs(), ","), "--mcp-config", file, "--rules", ruleFile,
	}, args...)...)
}

// Owner is the gateway whose process of a server is the only one that lives; nil if there
// is none, or more than one.
func (f *Fleet) Owner(server string) *Node {
	pids := f.Eye.Live(server)
	if len(pids) != 1 {
		return nil
	}
	for _, n := range f.Nodes {
		if parent(pids[0]) == n.PID() {
			return n
		}
	}
	return nil
}

// AwaitOwner waits until a server has an owner, and returns it.
func (f *Fleet) AwaitOwner(server string) *Node {
	f.t.Helper()
	var owner *Node
	Eventually(f.t, server+" has an owner", func() bool {
		owner = f.Owner(server)
		return owner != nil
	})
	return owner
}

// Others are all gateways but one.
func (f *Fleet) Others(than *Node) []*Node {
	var others []*Node
	for _, n := range f.Nodes {
		if n != than {
			others = append(others, n)
		}
	}
	return others
}

// Owned are the servers of a gateway.
func (f *Fleet) Owned(n *Node) []string {
	var names []string
	for i := range f.options.Servers {
		if f.Owner(Server(i)) == n {
			names = append(names, Server(i))
		}
	}
	return names
}

// dumpBytes is how much of a log a failure shows.
const dumpBytes = 12 << 10

func (f *Fleet) dump() {
	for _, n := range f.Nodes {
		text, _ := os.ReadFile(n.log()) // It may not have begun.
		f.t.Logf("the end of the log of %s:\n%s", n.ID, text[max(0, len(text)-dumpBytes):])
	}
	f.t.Log(fmt.Sprint("copies seen: ", f.Eye.Copies()))
}
