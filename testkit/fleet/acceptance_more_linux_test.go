package fleet_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

func TestAcceptance08_oneRefuses_nothingChangesAnywhere(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		before := f.CallOnce(f.Nodes[0], "s0", "before").Generation
		out, err := f.TryApply(f.With("new", f.Fake("new").With("env", map[string]string{"WHERE": "${ONLY_ON_N1}"})), rules(1))
		if err == nil || !contains(out, "cannot follow") || !contains(out, "ONLY_ON_N1") {
			t.Errorf("got %v and %s, want it refused, with who cannot follow and the variable named", err, out)
		}
		for _, n := range f.Nodes {
			if c := f.CallOnce(n, "s0", "after-"+n.ID); c.Code != "" || c.Generation != before {
				t.Errorf("%s: got %q by generation %d, want an answer by %d as before", n.ID, c.Code, c.Generation, before)
			}
		}
		if n := len(f.Eye.Copies()["new"]); n != 0 {
			t.Errorf("%d processes of the refused server ran, want none", n)
		}
	})
}

func TestAcceptance10_serverKillsItsGateway_isQuarantined(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		f.Apply(f.With("killer", testkit.Entry{"command": "sh", "args": []string{"-c", "kill -9 $PPID; sleep 1"}}), rules(1))
		deaths, last := 0, time.Now()
		for time.Since(last) < 8*f.TTL {
			for _, n := range f.Nodes {
				if n.Ended() { // As whoever keeps it running does.
					deaths, last = deaths+1, time.Now()
					n.Start()
				}
			}
			if deaths > 20 {
				break
			}
			<-time.After(20 * time.Millisecond)
		}
		t.Logf("figure: a server that kills its gateway did so %d times", deaths)
		if deaths == 0 || deaths > 12 {
			t.Errorf("it killed gateways %d times, want some and at most 12: then it is quarantined", deaths)
		}
		for _, n := range f.Nodes {
			n.AwaitReady()
			if c := f.CallOnce(n, "s0", "after-"+n.ID); c.Code != "" {
				t.Errorf("%s: the server beside it: got %s: %s, want an answer", n.ID, c.Code, c.Message)
			}
		}
	})
}

func TestAcceptance12_memberOfEtcdFrozen(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Members: 3})
		l := f.Load(callers, pause)
		warm(t, f, l)
		before := copies(f)
		frozen := f.Etcd.Leader()
		frozen.Freeze()
		last(3 * f.TTL)
		frozen.Continue()
		last(f.TTL)
		none(t, f.Judge(t, l.End(10*time.Second)))
		if after := copies(f); after != before {
			t.Errorf("%d copies were started, want none", after-before)
		}
	})
}

// The cost of the hop: the same server called through its owner, and through another.
func TestAcceptance17_costOfTheHop(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		owner := f.AwaitOwner("s0")
		for _, callers := range []int{1, 16} {
			var p50 []time.Duration
			for _, n := range []*kit.Node{owner, f.Others(owner)[0]} {
				p50 = append(p50, median(f, n, callers))
			}
			t.Logf("figure: %d callers: p50 %v through the owner, %v through another: %.1f times", callers,
				p50[0].Round(time.Microsecond), p50[1].Round(time.Microsecond), float64(p50[1])/float64(p50[0]))
		}
		f.Judge(t, nil)
	})
}

// median is how long half of 600 calls took at most.
func median(f *kit.Fleet, n *kit.Node, callers int) time.Duration {
	var mu sync.Mutex
	var took []time.Duration
	var work sync.WaitGroup
	for i := range callers {
		work.Go(func() {
			for j := range 600 / callers {
				c := f.CallOnce(n, "s0", fmt.Sprintf("%s-%d-%d-%d", n.ID, callers, i, j))
				mu.Lock()
				took = append(took, c.Took)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	slices.Sort(took)
	return took[len(took)/2]
}
