package fleet_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// timesVariable is how often each test of the acceptance runs: make fleet sets it. One
// of them runs once without it.
const timesVariable = "GATEHOUSE_FLEET_TIMES"

// repeated runs a test of the acceptance as often as was asked for.
func repeated(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	times, _ := strconv.Atoi(os.Getenv(timesVariable))
	if times == 0 {
		t.Skipf("skipped: %s is not set; run make fleet", timesVariable)
	}
	for i := range times {
		if !t.Run(strconv.Itoa(i+1), test) {
			return
		}
	}
}

const (
	// slack is what a busy machine may add to the time that something takes.
	slack = 3 * time.Second
	// callers are those of a load at each gateway, and pause is how long each waits.
	callers = 2
	pause   = 15 * time.Millisecond
)

// warm waits until a load has been answered through each gateway by each server.
func warm(t *testing.T, f *kit.Fleet, l *kit.Load) {
	t.Helper()
	for i := range 6 {
		for _, n := range f.Nodes {
			l.AwaitAnswer(t, kit.Server(i), []*kit.Node{n}, time.Time{})
		}
	}
}

// last lets a state or a harm last for some time.
func last(d time.Duration) { <-time.After(d) }

// elsewhere waits until servers answer through some gateways after a harm, and checks that
// it did not take longer than it may.
func elsewhere(t *testing.T, l *kit.Load, servers []string, nodes []*kit.Node, since time.Time, most time.Duration) {
	t.Helper()
	var longest time.Duration
	for _, s := range servers {
		longest = max(longest, l.AwaitAnswer(t, s, nodes, since))
	}
	t.Logf("figure: %d servers answer elsewhere after %v (at most %v)", len(servers), longest.Round(time.Millisecond), most)
	if longest > most+slack {
		t.Errorf("the servers answered elsewhere after %v, want %v at most", longest, most)
	}
}

// onlyWritten checks that no call failed but those that had been written when a harm was
// done.
func onlyWritten(t *testing.T, j kit.Judged) {
	t.Helper()
	t.Logf("figure: %v", j)
	if j.Failed != j.MayHaveRun {
		t.Errorf("%d calls failed and %d of them may have run, want that no other failed: %v", j.Failed, j.MayHaveRun, j.Examples)
	}
}

func killed(t *testing.T) {
	f := kit.Start(t, kit.Options{})
	l := f.Load(callers, pause)
	warm(t, f, l)
	owner := f.AwaitOwner(kit.Server(0))
	owned := f.Owned(owner)
	at := time.Now()
	owner.Kill()
	elsewhere(t, l, owned, f.Others(owner), at, f.TTL+time.Second)
	onlyWritten(t, f.Judge(t, kit.Through(l.End(10*time.Second), f.Others(owner)...)))
	for _, n := range f.Others(owner) {
		audited(t, n, owner)
	}
}

// audited checks that the audit log of a gateway says which calls ran at another one, and
// that it can be verified.
func audited(t *testing.T, n, owner *kit.Node) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.Dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for line := range strings.Lines(string(text)) {
		var r struct {
			Node, Owner string
			Epoch       int64
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			continue // It is being written; verify says what is wrong.
		}
		if r.Node != n.ID || r.Owner == n.ID || (r.Owner == "") != (r.Epoch == 0) {
			t.Fatalf("%s: got the line %s, want its node, and another owner with its epoch or none", n.ID, line)
		}
		if r.Owner == owner.ID {
			sent++
		}
	}
	if sent == 0 {
		t.Errorf("%s: no line names the owner %s, want those of the calls that it ran", n.ID, owner.ID)
	}
	if out, err := n.Command("audit", "verify", filepath.Join(n.Dir, "audit.jsonl")); err != nil {
		t.Errorf("%s: audit verify: %v, want no findings\n%s", n.ID, err, out)
	}
}

// The one that runs with all other tests.
func TestFleet_ownerIsKilled_itsServersAnswerElsewhere(t *testing.T) { killed(t) }

func TestAcceptance01_ownerKilled(t *testing.T) { repeated(t, killed) }

func TestAcceptance02_gatewayFrozen(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner := f.AwaitOwner(kit.Server(0))
		owned, others, at := f.Owned(owner), f.Others(owner), time.Now()
		owner.Signal(syscall.SIGSTOP)
		last(2 * f.TTL)
		elsewhere(t, l, owned, others, at, f.TTL+time.Second)
		owner.Signal(syscall.SIGCONT)
		owner.AwaitReady()
		last(time.Second)
		onlyWritten(t, f.Judge(t, kit.Through(l.End(10*time.Second), others...)))
	})
}

func TestAcceptance03_machineFrozen(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner := f.AwaitOwner(kit.Server(0))
		owned, others, at := f.Owned(owner), f.Others(owner), time.Now()
		owner.SignalAll(syscall.SIGSTOP)
		elsewhere(t, l, owned, others, at, f.TTL+time.Second)
		owner.SignalAll(syscall.SIGCONT)
		owner.AwaitReady()
		calls := l.End(10 * time.Second)
		if tag, d := f.Eye.Overlap(); d > 50*time.Millisecond {
			t.Errorf("the old copy of %s lived for %v after the thaw, want 50 ms at most", tag, d)
		} else {
			t.Logf("figure: the old copies lived for %v after the thaw", d)
		}
		f.Eye.Forgive()
		onlyWritten(t, f.Judge(t, kit.Through(calls, others...)))
	})
}

func TestAcceptance04_ownerInAHole(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner := f.AwaitOwner(kit.Server(0))
		owned, others, at := f.Owned(owner), f.Others(owner), time.Now()
		owner.Isolate(kit.Hole)
		last(3 * f.TTL)
		elsewhere(t, l, owned, others, at, f.TTL+time.Second)
		healed := time.Now()
		owner.Isolate(kit.Pass)
		owner.AwaitReady()
		back := l.AwaitAnswer(t, owned[0], []*kit.Node{owner}, healed)
		t.Logf("figure: back %v after the healing", back.Round(time.Millisecond))
		if back > 3*time.Second+slack {
			t.Errorf("the healed gateway answered after %v, want 3 s at most", back)
		}
		j := f.Judge(t, kit.Through(l.End(10*time.Second), others...))
		onlyWritten(t, j)
		if j.Failed > 5*len(others) {
			t.Errorf("%d calls of the others failed, want at most 5 each: %v", j.Failed, j.Examples)
		}
	})
}

func TestAcceptance05_ownerCutFromTheStoreOnly(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner := f.AwaitOwner(kit.Server(0))
		owned, others, at := f.Owned(owner), f.Others(owner), time.Now()
		owner.CutStore(kit.Hole)
		for _, server := range owned {
			testkit.Eventually(t, server+" has moved", func() bool { o := f.Owner(server); return o != nil && o != owner })
		}
		elsewhere(t, l, owned, others, at, f.TTL+2*time.Second)
		testkit.Eventually(t, "the one that is cut off is not ready", func() bool { return !owner.Ready() })
		owner.CutStore(kit.Pass)
		owner.AwaitReady()
		onlyWritten(t, f.Judge(t, kit.Through(l.End(10*time.Second), others...)))
	})
}

func TestAcceptance05_ownerCutFromItsPeersOnly(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner := f.AwaitOwner(kit.Server(0))
		owned := f.Owned(owner)
		owner.Peers.Set(kit.Cut)
		last(2 * f.TTL)
		if got := f.Owned(owner); !slices.Equal(got, owned) {
			t.Errorf("the owner has %v, want that it keeps %v", got, owned)
		}
		healed := time.Now()
		owner.Peers.Set(kit.Pass)
		elsewhere(t, l, owned, f.Others(owner), healed, time.Second)
		onlyWritten(t, f.Judge(t, l.End(10*time.Second)))
	})
}

func TestAcceptance06_etcdLeaderKilled(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Members: 3})
		l := f.Load(callers, pause)
		warm(t, f, l)
		before := copies(f)
		f.Etcd.Leader().Kill()
		last(3 * f.TTL)
		j := f.Judge(t, l.End(10*time.Second))
		t.Logf("figure: %v", j)
		if after := copies(f); j.Failed > 0 || before != after {
			t.Errorf("%d calls failed and there were %d copies, want 0 and %d: %v", j.Failed, after, before, j.Examples)
		}
	})
}

func TestAcceptance06_quorumLost(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Members: 3})
		l := f.Load(callers, pause)
		warm(t, f, l)
		at := time.Now()
		down := f.Etcd.Members[:2]
		for _, m := range down {
			m.Kill()
		}
		testkit.Eventually(t, "all single servers have stopped", func() bool { return live(f) == 0 })
		stopped := time.Since(at)
		t.Logf("figure: single servers stopped after %v", stopped.Round(time.Millisecond))
		if stopped > f.TTL+slack {
			t.Errorf("single servers stopped after %v, want %v at most", stopped, f.TTL)
		}
		last(2 * f.TTL)
		for _, n := range f.Nodes {
			if !n.Ready() {
				t.Errorf("%s is not ready, want that an outage of the store takes no gateway out", n.ID)
			}
		}
		back := time.Now()
		for _, m := range down {
			m.Start()
		}
		var all []string
		for i := range 6 {
			all = append(all, kit.Server(i))
		}
		elsewhere(t, l, all, f.Nodes, back, 3*time.Second)
		onlyWritten(t, f.Judge(t, l.End(10*time.Second)))
	})
}

// copies is how many processes of servers there have been.
func copies(f *kit.Fleet) (n int) {
	for _, c := range f.Eye.Copies() {
		n += len(c)
	}
	return n
}

// live is how many processes of servers live.
func live(f *kit.Fleet) (n int) {
	for i := range 6 {
		n += len(f.Eye.Live(kit.Server(i)))
	}
	return n
}

func TestAcceptance07_terminated(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner := f.AwaitOwner(kit.Server(0))
		owned, others, at := f.Owned(owner), f.Others(owner), time.Now()
		owner.Signal(syscall.SIGTERM)
		elsewhere(t, l, owned, others, at, 2*time.Second)
		if code := owner.Wait(); code != 0 {
			t.Errorf("the gateway ended with %d, want 0", code)
		}
		none(t, f.Judge(t, kit.Through(l.End(10*time.Second), others...)))
	})
}

// none checks that no call failed.
func none(t *testing.T, j kit.Judged) {
	t.Helper()
	t.Logf("figure: %v", j)
	if j.Failed > 0 {
		t.Errorf("%d calls failed, want none: %v", j.Failed, j.Examples)
	}
}

func TestAcceptance07_rollingRestart(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		before := f.Eye.Copies()
		for _, n := range f.Nodes {
			n.Signal(syscall.SIGTERM)
			n.Wait()
			n.Start()
			n.AwaitReady()
		}
		calls := l.End(10 * time.Second)
		moved := 0
		for s, c := range f.Eye.Copies() {
			moved = max(moved, len(c)-len(before[s]))
		}
		t.Logf("figure: a server moved %d times at most", moved)
		none(t, f.Judge(t, calls))
	})
}

func TestAcceptance14_restartedInPlace(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner := f.AwaitOwner(kit.Server(0))
		owned, at := f.Owned(owner), time.Now()
		owner.Kill()
		owner.Start()
		owner.AwaitReady()
		elsewhere(t, l, owned, f.Nodes, at, f.TTL+2*time.Second)
		onlyWritten(t, f.Judge(t, kit.Through(l.End(10*time.Second), f.Others(owner)...)))
	})
}

func TestAcceptance14_twoOfOneName(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		second := f.Second(f.Nodes[0])
		second.Start()
		if code := second.Wait(); code != 1 {
			t.Errorf("the second gateway of one name ended with %d, want 1", code)
		}
		if text := second.Log(); !contains(text, f.Nodes[0].ID) {
			t.Errorf("got the log %s, want why it ended, with the name %s", text, f.Nodes[0].ID)
		}
	})
}

func TestAcceptance15_ownerAndLeaderKilledTogether(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Members: 3})
		l := f.Load(callers, pause)
		warm(t, f, l)
		owner, leader := f.AwaitOwner(kit.Server(0)), f.Etcd.Leader()
		owned, at := f.Owned(owner), time.Now()
		leader.Kill()
		owner.Kill()
		elsewhere(t, l, owned, f.Others(owner), at, 2*f.TTL+2*time.Second)
		onlyWritten(t, f.Judge(t, kit.Through(l.End(10*time.Second), f.Others(owner)...)))
	})
}

func TestAcceptance16_oddName(t *testing.T) {
	repeated(t, func(t *testing.T) {
		const odd = "a/b@c %"
		f := kit.Start(t, kit.Options{Servers: 1, Odd: odd})
		for i, n := range f.Nodes {
			id := fmt.Sprint("odd-", i)
			if c := f.CallOnce(n, odd, id); c.Code != "" || f.Eye.Ran(id) != 1 && !eventuallyRan(t, f, id) {
				t.Errorf("%s: got %q: %s, want an answer", n.ID, c.Code, c.Message)
			}
		}
	})
}

func eventuallyRan(t *testing.T, f *kit.Fleet, id string) bool {
	t.Helper()
	testkit.Eventually(t, id+" ran", func() bool { return f.Eye.Ran(id) == 1 })
	return true
}
