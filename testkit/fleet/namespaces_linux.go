package fleet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gatehouse/testkit"
)

// NetworkVariable says what is between the processes of a fleet: proxies on one machine if
// it is not set, and with "namespaces" a network of the kernel's own, for which the test
// must be root's: each gateway and each member of etcd is a host with an address of its
// own, and this process is their router.
const NetworkVariable = "GATEHOUSE_FLEET_NETWORK"

// insideVariable says that this process is the router already.
const insideVariable = "GATEHOUSE_FLEET_INSIDE"

// errNamespaces is why there are no namespaces where they were asked for.
var errNamespaces error

// Run runs tests: in a namespace of their own, if NetworkVariable asks for it.
func Run(m *testing.M) int {
	if os.Getenv(NetworkVariable) != "namespaces" {
		return m.Run()
	}
	if os.Getenv(insideVariable) != "" {
		errNamespaces = becomeRouter()
		return m.Run()
	}
	inside := exec.Command(os.Args[0], os.Args[1:]...)
	inside.Env = append(os.Environ(), insideVariable+"=1")
	inside.Stdin, inside.Stdout, inside.Stderr = os.Stdin, os.Stdout, os.Stderr
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := inside.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return ended.ExitCode()
	}
	if err != nil {
		errNamespaces = err
		return m.Run()
	}
	return 0
}

// becomeRouter has this process's namespace pass packets on.
func becomeRouter() error {
	if err := ip("link set lo up"); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// ip does what lines say, as arguments of the command of that name.
func ip(lines ...string) error { return batch(exec.Command("ip", "-batch", "-"), lines) }

func batch(cmd *exec.Cmd, lines []string) error {
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
	}
	return nil
}

// network is the hosts of a test, and what is between them.
type network struct {
	t testing.TB

	mu    sync.Mutex
	rules map[string]string // by the two hosts: what the router does
}

// newNetwork returns the network that was asked for; nil if there are proxies.
func newNetwork(t testing.TB) *network {
	t.Helper()
	if os.Getenv(NetworkVariable) != "namespaces" {
		return nil
	}
	if errNamespaces != nil {
		t.Skipf("skipped: no namespaces for networks here: %v", errNamespaces)
	}
	w := &network{t: t, rules: map[string]string{}}
	t.Cleanup(func() {
		for _, rule := range w.rules {
			_ = ip("rule del " + rule) // The namespace ends with the process anyway.
		}
	})
	return w
}

// host is a machine of its own for what runs there.
type host struct {
	addr string
	ns   string // the path of its namespace
}

// lastHost numbers hosts.
var lastHost struct {
	sync.Mutex
	n int
}

// host makes one more machine. It ends with the test.
func (w *network) host() *host {
	w.t.Helper()
	lastHost.Lock()
	lastHost.n++
	i := lastHost.n
	lastHost.Unlock()
	holder := exec.Command("sleep", "infinity") // The namespace lasts as long as it does.
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := holder.Start(); err != nil {
		w.t.Fatal(err)
	}
	link, near, far := fmt.Sprint("gh", i), fmt.Sprintf("10.%d.%d.1", 64+i/250, i%250), fmt.Sprintf("10.%d.%d.2", 64+i/250, i%250)
	w.t.Cleanup(func() {
		_ = ip("link del " + link)
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	h := &host{addr: far, ns: fmt.Sprintf("/proc/%d/ns/net", holder.Process.Pid)}
	if err := errors.Join(
		ip("link add "+link+" type veth peer name eth0 netns "+strconv.Itoa(holder.Process.Pid), "addr add "+near+"/24 dev "+link, "link set "+link+" up"),
		batch(h.command("ip", "-batch", "-"), []string{"link set lo up", "addr add " + far + "/24 dev eth0", "link set eth0 up", "route add default via " + near}),
	); err != nil {
		w.t.Fatal(err)
	}
	return h
}

// command is a command that runs on the host; on this machine if that is nil.
func (h *host) command(program string, args ...string) *exec.Cmd {
	if h == nil {
		return exec.Command(program, args...)
	}
	return exec.Command("nsenter", append([]string{"--net=" + h.ns, program}, args...)...)
}

// address is one of the host that nobody listens on.
func (h *host) address(t testing.TB) string {
	t.Helper()
	if h == nil {
		return testkit.FreeAddress(t)
	}
	_, port, err := net.SplitHostPort(testkit.FreeAddress(t)) // Numbers that are free here are free there.
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(h.addr, port)
}

// between has the router do something with all packets between two hosts. It cannot end
// connections: Cut refuses what is sent, which new ones notice.
func (w *network) between(a, b *host, m Mode) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, pair := range []string{"from " + a.addr + " to " + b.addr, "from " + b.addr + " to " + a.addr} {
		var lines []string
		if old := w.rules[pair]; old != "" {
			lines = append(lines, "rule del "+old)
			delete(w.rules, pair)
		}
		switch m {
		case Pass:
		case Cut:
			w.rules[pair] = pair + " unreachable"
		case Hole:
			w.rules[pair] = pair + " blackhole"
		}
		if rule := w.rules[pair]; rule != "" {
			lines = append(lines, "rule add "+rule)
		}
		if len(lines) == 0 {
			continue
		}
		if err := ip(lines...); err != nil {
			w.t.Error(err)
		}
	}
}
