package fleet_test

import (
	"testing"
	"time"

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
		frozen := x.Etcd.Leader()
		x.harm(frozen.Freeze)
		last(3 * x.TTL)
		frozen.Continue()
		last(x.TTL)
		x.noneFailed()
		x.nothingMoved()
	})
}
