package fleet_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	kit "gatehouse/testkit/fleet"
)

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
