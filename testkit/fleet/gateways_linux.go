package fleet

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	// TTL is that of their leases, in whole seconds; that of TTLVariable if 0.
	TTL time.Duration
	// Servers is how many single servers they share; 6 if 0. They are named s0, s1, ...
	Servers int
	// Odd is the name of one more of them, "" for none.
	Odd string
	// Rules is the rules file; Agent may do everything if it is empty.
	Rules string
	// Args are more flags of each gateway.
	Args []string
	// Release is the version that the gateways say they are of; that of the build if empty.
	Release string
	// Entry changes the entries of the servers that all share.
	Entry func(testkit.Entry) testkit.Entry
	// Files are written to the folder of each gateway, which relative paths of entries are
	// meant from if there are any.
	Files map[string]string
	// Quota is how many bytes the store may have; etcd's default if 0.
	Quota int
	// Direct has gateways reach each other without a proxy in between, for tests that do no
	// harm there: CutPeers must not be called.
	Direct bool
	// Look is how often the eye looks; 5 ms if 0.
	Look time.Duration
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
	program string // of nodes that are made
	// network is nil if there are proxies between the processes. Otherwise stores are the hosts
	// of etcd's members, and the authority signs the gateways' certificates.
	network   *network
	stores    []*host
	authority *Authority
}

// Start starts the gateways, gives them their configuration and waits until each is ready
// and every server has been started. They end with the test.
func Start(t testing.TB, o Options) *Fleet {
	t.Helper()
	o = o.withDefaults()
	f := &Fleet{t: t, TTL: o.TTL, options: o, network: newNetwork(t)}
	f.Release(o.Release)
	f.Etcd = StartEtcd(t, o.Members, f.etcdOptions())
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
	f.Eye = openEye(t, filepath.Join(dir, "record.jsonl"), o.Look)
	for range o.Nodes {
		f.Add()
	}
	f.Apply(f.Config(), o.Rules, "--first")
	for _, n := range f.Nodes {
		n.Start()
	}
	for _, n := range f.Nodes {
		n.AwaitReady()
	}
	for _, name := range f.Servers() {
		f.Eye.AwaitCopy(name)
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
		o.TTL = defaultTTL()
	}
	if o.Servers == 0 {
		o.Servers = 6
	}
	if o.Look == 0 {
		o.Look = 5 * time.Millisecond
	}
	if o.Entry == nil {
		o.Entry = func(e testkit.Entry) testkit.Entry { return e }
	}
	if o.Rules == "" {
		o.Rules = testkit.Rules{Agent: {Allow: []string{"*"}}}.JSON()
	}
	return o
}

// TTLVariable is how many seconds leases last where a test does not say so; 2 if it is not
// set. A machine that does much other work needs more: whoever waits long for a
// processor loses what it owns.
const TTLVariable = "GATEHOUSE_FLEET_TTL"

func defaultTTL() time.Duration {
	if n, err := strconv.Atoi(os.Getenv(TTLVariable)); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	return 2 * time.Second
}

// Agent is who calls.
const Agent = "load"

// Server is the name of a server that all share.
func Server(i int) string { return "s" + strconv.Itoa(i) }

// Servers are the names of the servers that all share, without the odd one.
func (f *Fleet) Servers() []string {
	var names []string
	for i := range f.options.Servers {
		names = append(names, Server(i))
	}
	return names
}

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
	for _, name := range f.Servers() {
		servers[name] = f.options.Entry(f.Fake(name))
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

// Release has the gateways that are made from now on be of a version; of the build's own if
// it is empty.
func (f *Fleet) Release(version string) {
	f.t.Helper()
	f.program = testkit.Binary(f.t)
	if version != "" {
		f.program = testkit.Release(f.t, version)
	}
}

// Add makes one more gateway, which does not run yet.
func (f *Fleet) Add() *Node {
	f.t.Helper()
	n := f.node("n" + strconv.Itoa(len(f.Nodes)+1))
	f.Nodes = append(f.Nodes, n)
	return n
}

// node makes a gateway, which does not run yet.
func (f *Fleet) node(id string) *Node {
	f.t.Helper()
	n := &Node{ID: id, fleet: f, program: f.program, Dir: filepath.Join(f.dir, id)}
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		f.t.Fatal(err)
	}
	listen, advertise, urls := f.connect(n)
	front := n.host.address(f.t)
	n.URL = "http://" + front
	n.args = append([]string{
		"run", "--transport", "http", "--http", front, "--fleet", fleetName, "--fleet-store", strings.Join(urls, ","),
		"--fleet-listen", listen, "--fleet-advertise", advertise, "--fleet-node", id, "--fleet-ttl", f.TTL.String(),
		"--insecure", "--shutdown-delay", "200ms", "--audit-log", filepath.Join(n.Dir, "audit.jsonl"), "--log-format", "json", "--log-level", "debug",
	}, append(n.PeerFlags(), f.options.Args...)...)
	for name, text := range f.options.Files {
		n.Write(name, text)
	}
	if len(f.options.Files) > 0 {
		n.args = append(n.args, "--fleet-root", n.Dir)
	}
	f.t.Cleanup(n.end)
	return n
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
	return f.ApplyFrom(f.Nodes[0], servers, rules, append(f.StoreFlags(), args...)...)
}

// StoreFlags are those of commands that reach the fleet by its store.
func (f *Fleet) StoreFlags() []string {
	return []string{"--insecure=" + strconv.FormatBool(f.network != nil), "--fleet", fleetName, "--fleet-store", strings.Join(f.Etcd.URLs(), ",")}
}

// ApplyFrom is TryApply beside a gateway: without other arguments through that.
func (f *Fleet) ApplyFrom(n *Node, servers, rules string, args ...string) (string, error) {
	f.t.Helper()
	file, ruleFile := filepath.Join(f.dir, "mcp.json"), filepath.Join(f.dir, "rules.json")
	for path, text := range map[string]string{file: servers, ruleFile: rules} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	return n.Command(append([]string{"apply", "--mcp-config", file, "--rules", ruleFile}, args...)...)
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
	testkit.Eventually(f.t, server+" has an owner", func() bool {
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
	for _, name := range f.Servers() {
		if f.Owner(name) == n {
			names = append(names, name)
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
