package fleet_test

import (
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// many are fleets with many servers: starting them keeps a small machine busy, so leases
// last longer, and the eye looks seldom.
func many() kit.Options {
	return kit.Options{Servers: 200, TTL: 6 * time.Second, Look: 250 * time.Millisecond}
}

// A gateway joins and leaves, again and again, and mostly by SIGTERM. It owns nothing:
// what the others own stays where it is.
func TestAcceptance11_joinsAndLeaves(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, many())
		guest := f.Nodes[2]
		leave(guest, 0)
		for _, s := range f.Servers() {
			testkit.Eventually(t, s+" runs at one that stays", func() bool { o := f.Owner(s); return o != nil && o != guest })
		}
		l := f.Load(1, 3*pause)
		var before []kit.Usage
		var keys, copies int
		steps := wanted(t, stepsVariable, 25)
		const warm = 5 // steps after which pools and caches have their size
		for i := range warm + steps {
			if i == warm {
				before, keys, copies = usage(f, guest), settled(f), started(f)
			}
			guest.Start()
			guest.AwaitReady()
			leave(guest, i)
		}
		after := usage(f, guest)
		t.Logf("figure: %d times: keys %d and %d; %v before, %v after", steps, keys, settled(f), before, after)
		j := f.Judge(t, kit.Through(l.End(patience), f.Others(guest)...))
		t.Logf("figure: %v", j)
		if j.Failed > 0 {
			t.Errorf("%d calls failed, want none: %v", j.Failed, j.Examples)
		}
		if n := started(f); n != copies {
			t.Errorf("%d processes of servers were started, want none", n-copies)
		}
		if n := settled(f); n != keys {
			t.Errorf("there are %d keys, want %d as before", n, keys)
		}
		for i, u := range after {
			if u.Descriptors > before[i].Descriptors+8 || u.Memory > before[i].Memory*5/4+16<<20 {
				t.Errorf("%s takes %v, want no more than %v", f.Others(guest)[i].ID, u, before[i])
			}
		}
	})
}

// leave ends a gateway: each fifth time as if its machine was lost.
func leave(n *kit.Node, i int) {
	if i%5 == 4 {
		n.Kill()
		return
	}
	n.Signal(syscall.SIGTERM)
	n.Wait()
}

// usage is what all gateways but one take.
func usage(f *kit.Fleet, but *kit.Node) (all []kit.Usage) {
	for _, n := range f.Others(but) {
		all = append(all, n.Usage())
	}
	return all
}

// settled is how many keys there are once the leases of those that left have ended.
func settled(f *kit.Fleet) int {
	last(f.TTL + time.Second)
	return f.Etcd.Keys()
}

func TestAcceptance16_manyServersIdle(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, many())
		last(2 * f.TTL) // What they say of their start has been written.
		idle := time.Duration(wanted(t, idleVariable, 30)) * time.Second
		before, work := f.Etcd.Revision(), f.Work()
		last(idle)
		grown := f.Etcd.Revision() - before
		used, whole := f.Work().Since(work)
		if !whole {
			t.Error("a process ended while nothing was done, want none")
		}
		t.Logf("figure: in %v etcd's revision grew by %d, all processes used %v of processor time", idle, grown, used)
		if float64(grown) >= max(1, idle.Minutes()) {
			t.Errorf("etcd's revision grew by %d in %v, want less than 1 a minute", grown, idle)
		}
	})
}
