package fleet_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

func TestAcceptance06_etcdLeaderKilled(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Members: 3})
		x.harm(x.Etcd.Leader().Kill)
		last(3 * x.TTL)
		x.noneFailed()
		x.nothingMoved()
	})
}

func TestAcceptance06_quorumLost(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Members: 3})
		x.Apply(x.With("each", testkit.Fake(t).Settings("single", false)), rules(1)) // The eye does not see it.
		for _, n := range x.Nodes {
			answered(t, x.Fleet, n, "each", "before-"+n.ID)
		}
		down := x.Etcd.Members[:2]
		x.harm(func() {
			for _, m := range down {
				m.Kill()
			}
		})
		x.eventually("all single servers have stopped", x.TTL, func() bool { return live(x.Fleet) == 0 })
		last(2 * x.TTL)
		for _, n := range x.Nodes {
			if !n.Ready() {
				t.Errorf("%s is not ready, want that an outage of the store takes no gateway out", n.ID)
			}
			answered(t, x.Fleet, n, "each", "without the store at "+n.ID) // It runs by no claim.
		}
		x.harm(func() {
			for _, m := range down {
				m.Start()
			}
		})
		x.answers(x.Servers(), x.Nodes, 3*time.Second)
		x.onlyWritten()
	})
}

// live is how many processes of servers live.
func live(f *kit.Fleet) (n int) {
	for _, s := range f.Servers() {
		n += len(f.Eye.Live(s))
	}
	return n
}

func TestAcceptance12_memberOfEtcdFrozen(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Members: 3})
		frozen := x.Etcd.Follower()
		x.harm(frozen.Freeze)
		last(3 * x.TTL)
		frozen.Continue()
		last(x.TTL)
		x.noneFailed()
		x.nothingMoved()
	})
}

// While it is frozen nothing happens. Once it goes on, etcd 3.7.3 sometimes ends leases that
// live, by the clock of the leader that was frozen, without any gateway's part in it: what
// their gateways own starts again then.
func TestAcceptance12_leaderOfEtcdFrozen(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Members: 3})
		frozen := x.Etcd.Leader()
		x.harm(frozen.Freeze)
		last(3 * x.TTL)
		x.nothingMoved()
		for _, c := range x.load.Calls() {
			if c.Code != "" {
				t.Errorf("a call failed while the leader was frozen: %s: %s, want none", c.Code, c.Message)
			}
		}
		frozen.Continue()
		last(2 * x.TTL)
		x.onlyWritten()
		ended := 0
		for _, n := range x.Nodes {
			for _, seen := range []string{"has ended this gateway's lease", "does not know it as"} { // The lease, or first what it had made: as seen, or by a write that is refused.
				ended += strings.Count(n.Log(), "the fleet's store "+seen)
			}
		}
		t.Logf("figure: etcd ended %d leases that lived, once its leader went on", ended)
		if ended == 0 {
			x.nothingMoved()
		}
	})
}

func TestAcceptance12_storeIsFull_whatRunsGoesOn(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Quota: 1 << 20})
		x.harm(x.Etcd.Fill)
		last(3 * x.TTL)
		out, err := x.TryApply(x.Config(), rules(1))
		if err == nil || !strings.Contains(out, "NOSPACE") {
			t.Errorf("apply: got %v and %s, want it refused with NOSPACE named", err, out)
		}
		x.noneFailed()
		x.nothingMoved()
		pid := x.Eye.Live(kit.Server(0))[0]
		kill(t, pid)
		testkit.Eventually(t, "its owner starts it again, which needs no write", func() bool {
			live := x.Eye.Live(kit.Server(0))
			return len(live) == 1 && live[0] != pid
		})
		for _, n := range x.Nodes {
			answered(t, x.Fleet, n, kit.Server(0), "full-"+n.ID)
		}
		x.Etcd.Free()
		x.Apply(x.Config(), rules(2))
	})
}

func TestAcceptance12_storeIsRestored_allIsReadAgain(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{TTL: 6 * time.Second})
		m := x.Etcd.Members[0]
		snapshot := m.Snapshot()
		x.Apply(x.Config(), testkit.Rules{kit.Agent: {Allow: []string{"*"}}, "lost": {Allow: []string{"s0"}}}.JSON())
		generation := answered(t, x.Fleet, x.owner, kit.Server(0), "before").Generation
		x.harm(func() {
			m.Kill()
			m.RestoreSnapshot(snapshot)
			m.Start()
		})
		t.Logf("figure: the store was away for %v", time.Since(x.at).Round(time.Millisecond))
		for _, n := range x.Nodes {
			testkit.Eventually(t, n.ID+" says that it reads all again", func() bool { return strings.Contains(n.Log(), "store was restored or replaced") })
		}
		last(x.TTL)
		for i, n := range x.Nodes {
			if g := answered(t, x.Fleet, n, kit.Server(0), fmt.Sprint("restored-", i)).Generation; g >= generation {
				t.Errorf("%s decides by generation %d, want that of the backup, which is older than %d", n.ID, g, generation)
			}
		}
		x.Apply(x.Config(), rules(3))
		x.noneFailed()
		x.nothingMoved()
	})
}

// kill kills the process of a server.
func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
