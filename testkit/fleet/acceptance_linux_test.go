package fleet_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

func killed(t *testing.T) {
	x := begin(t, kit.Options{})
	x.harm(x.owner.Kill)
	x.elsewhere(x.TTL + time.Second)
	x.onlyWritten(x.others...)
	for _, n := range x.others {
		audited(t, n, x.owner)
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
		x := begin(t, kit.Options{})
		x.harm(func() { x.owner.Signal(syscall.SIGSTOP) })
		last(2 * x.TTL)
		x.elsewhere(x.TTL + time.Second)
		x.owner.Signal(syscall.SIGCONT)
		x.owner.AwaitReady()
		last(time.Second)
		x.onlyWritten(x.others...)
	})
}

// On a busy machine neither the gateway nor its guard may get a processor in time, nor the
// eye look often enough. Such a run tells nothing, and is done again.
func TestAcceptance03_machineFrozen(t *testing.T) {
	repeated(t, func(t *testing.T) {
		const tries = 3
		for i := range tries {
			told := false
			t.Run("", func(t *testing.T) { told = thawed(t) })
			if told || t.Failed() {
				return
			}
			t.Logf("figure: try %d tells nothing: the machine was too busy", i+1)
		}
		t.Errorf("%d tries told nothing, want a machine that is less busy", tries)
	})
}

// thawed freezes a machine, and reports whether it could tell how its old copies ended.
func thawed(t *testing.T) (told bool) {
	const most = 50 * time.Millisecond
	x := begin(t, kit.Options{})
	x.harm(func() { x.owner.SignalAll(syscall.SIGSTOP) })
	x.elsewhere(x.TTL + time.Second)
	waited := x.owner.Waited()
	x.owner.SignalAll(syscall.SIGCONT)
	at := time.Now()
	var atLeast, atMost time.Duration
	for _, s := range x.owned {
		c := func() kit.Copy { return x.Eye.Copies()[s][0] }
		testkit.Eventually(t, "the old copy of "+s+" has ended", func() bool { return !c().Ended.IsZero() })
		atLeast, atMost = max(atLeast, c().Acted.Sub(at)), max(atMost, c().Idle.Sub(at))
	}
	late := waited()
	x.owner.AwaitReady()
	t.Logf("figure: the old copies acted for %v to %v after the thaw, and who ends them waited for %v for a processor", atLeast, atMost, late)
	if atLeast-late > most {
		t.Errorf("the old copies acted for %v after the thaw, want %v at most, beside the %v that their gateway and its guard waited", atLeast, most, late)
	}
	x.Eye.Forgive()
	x.onlyWritten(x.others...)
	return atMost <= most || t.Failed()
}

func TestAcceptance04_ownerInAHole(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{})
		x.harm(func() { x.owner.Isolate(kit.Hole) })
		last(3 * x.TTL)
		x.elsewhere(x.TTL + time.Second)
		x.harm(func() { x.owner.Isolate(kit.Pass) })
		x.owner.AwaitReady()
		x.answers(x.owned[:1], []*kit.Node{x.owner}, 3*time.Second)
		if j := x.onlyWritten(x.others...); j.Failed > 5*len(x.others) {
			t.Errorf("%d calls of the others failed, want at most 5 each: %v", j.Failed, j.Examples)
		}
	})
}

func TestAcceptance05_ownerCutFromTheStoreOnly(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{})
		v := visits(t, x.owner, "/all/mcp?agent="+kit.Agent, "2025-11-25")
		x.harm(func() { x.owner.CutStore(kit.Hole) })
		x.moved(x.TTL + 2*time.Second)
		testkit.Eventually(t, "the one that is cut off is not ready", func() bool { return !x.owner.Ready() })
		wants(t, "its session through another gateway, while it is cut off", v.asks(x.others[0], "tools/list", "", nil), "echo")
		x.owner.CutStore(kit.Pass)
		x.owner.AwaitReady()
		wants(t, "its session through another gateway, once it is back", v.asks(x.others[0], "tools/list", "", nil), "echo")
		x.onlyWritten(x.others...)
	})
}

func TestAcceptance05_ownerCutFromItsPeersOnly(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{})
		x.harm(func() { x.owner.CutPeers(kit.Cut) })
		last(2 * x.TTL)
		if got := x.Owned(x.owner); !slices.Equal(got, x.owned) {
			t.Errorf("the owner has %v, want that it keeps %v", got, x.owned)
		}
		x.harm(func() { x.owner.CutPeers(kit.Pass) })
		x.elsewhere(time.Second)
		x.onlyWritten()
	})
}

// What calls wait for is a second here, so that they fail while the owner cannot be reached.
func TestAcceptance05_ownerCutFromItsPeersOnly_isSaid(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Entry: func(e testkit.Entry) testkit.Entry { return e.Settings("restart_wait_ms", 1000) }})
		x.harm(func() { x.owner.CutPeers(kit.Cut) })
		for _, n := range x.others {
			id := "cut-" + n.ID
			if c := x.CallOnce(n, x.owned[0], id); c.Code != "SERVER_UNAVAILABLE" || c.MayHaveRun {
				t.Errorf("%s: got %q: %s (may have run: %v), want SERVER_UNAVAILABLE that has not run", n.ID, c.Code, c.Message, c.MayHaveRun)
			}
			says(t, n, n.ID+" cannot reach "+x.owner.ID)
		}
		answered(t, x.Fleet, x.owner, x.owned[0], "cut-here")
		x.owner.CutPeers(kit.Pass)
		for _, n := range x.others {
			testkit.Eventually(t, n.ID+" says that all is well", func() bool { _, err := n.Command("fleet"); return err == nil })
		}
		x.judged()
		for _, c := range x.load.Calls() { // One that was under way may have been lost.
			if c.Begun.After(x.at) && c.MayHaveRun {
				t.Errorf("%s: a call that began when it was cut off may have run: %s: %s, want it not written", c.Node.ID, c.Code, c.Message)
			}
		}
		x.nothingMoved()
	})
}

// says checks that "gatehouse fleet" at a gateway ends with 1 and says something.
func says(t *testing.T, n *kit.Node, want string) {
	t.Helper()
	if out, err := n.Command("fleet"); err == nil || !strings.Contains(out, want) {
		t.Errorf("%s: fleet: got %v and %s, want an error and %q", n.ID, err, out, want)
	}
}

func TestAcceptance07_terminated(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{})
		x.harm(func() { x.owner.Signal(syscall.SIGTERM) })
		x.moved(2 * time.Second)
		if code := x.owner.Wait(); code != 0 {
			t.Errorf("the gateway ended with %d, want 0", code)
		}
		x.noneFailed(x.others...)
	})
}

func TestAcceptance07_rollingRestart(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{})
		before, first := x.Eye.Copies(), x.Owned(x.Nodes[0])
		roll(x.Nodes)
		x.noneFailed()
		for s, c := range x.Eye.Copies() {
			moved, may := len(c)-len(before[s]), 1
			if slices.Contains(first, s) {
				may = 2 // All others were still to be restarted.
			}
			if moved > may {
				t.Errorf("%s moved %d times, want %d at most", s, moved, may)
			}
		}
	})
}

// roll restarts gateways one after the other.
func roll(nodes []*kit.Node) {
	for _, n := range nodes {
		n.Signal(syscall.SIGTERM)
		n.Wait()
		n.Start()
		n.AwaitReady()
	}
}

func TestAcceptance07_restartedAgainAndAgain(t *testing.T) {
	repeated(t, func(t *testing.T) {
		// A balancer that is busy itself needs longer to notice that a gateway leaves.
		x := begin(t, kit.Options{Args: []string{"--shutdown-delay", "1s"}})
		rounds := 0
		for calls := wanted(t, callsVariable, 2000); x.load.Count() < calls; rounds++ {
			roll(x.Nodes)
		}
		t.Logf("figure: all were restarted %d times", rounds)
		x.noneFailed()
	})
}

// As a Deployment with a surge does it: a new gateway joins, an old one leaves.
func TestAcceptance07_anotherVersion_oneMoreAtATime(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Release: "v9.0.0"})
		x.Release("v9.1.0")
		for _, n := range slices.Clone(x.Nodes) {
			next := x.Add()
			next.Start()
			next.AwaitReady()
			n.Signal(syscall.SIGTERM)
			n.Wait()
		}
		x.noneFailed()
		x.movedAtMost(1)
	})
}

// The servers of the first to go can only go to the old version.
func TestAcceptance07_anotherVersion_inPlace(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Release: "v9.0.0"})
		for _, n := range x.Nodes {
			n.Upgrade("v9.1.0")
		}
		roll(x.Nodes)
		x.noneFailed()
		x.movedAtMost(2)
	})
}

func TestAcceptance14_restartedInPlace(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{})
		x.harm(x.owner.Kill)
		x.owner.Start()
		x.owner.AwaitReady()
		x.answers(x.owned, x.Nodes, x.TTL+2*time.Second)
		x.onlyWritten(x.others...)
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
		if text := second.Log(); !strings.Contains(text, f.Nodes[0].ID) {
			t.Errorf("got the log %s, want why it ended, with the name %s", text, f.Nodes[0].ID)
		}
	})
}

func TestAcceptance15_ownerAndLeaderKilledTogether(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{Members: 3})
		leader := x.Etcd.Leader()
		leader.Kill()
		x.harm(x.owner.Kill)
		x.elsewhere(2*x.TTL + 2*time.Second)
		x.onlyWritten(x.others...)
	})
}
