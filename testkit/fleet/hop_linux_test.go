package fleet_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	kit "gatehouse/testkit/fleet"
)

// hop is one way to call through the owner of a server, and through another gateway.
type hop struct {
	callers int
	bytes   int // of each result; 0 for a small one
	most    float64
}

// The machine does other work too, so a ratio fails its test only at twice what it may be.
const (
	hopSlack   = 2
	hopCPU     = 3.5
	hopRounds  = 6
	hopInRound = 192 // a multiple of all numbers of callers
)

func TestAcceptance17_costOfTheHop(t *testing.T) {
	repeated(t, func(t *testing.T) {
		// No harm is done here. On a busy machine an owner with a short lease loses it, and what
		// its server had used until then is missing from what was used since.
		f := kit.Start(t, kit.Options{Servers: 1, Look: time.Second, Direct: true, TTL: 30 * time.Second})
		owner := f.AwaitOwner("s0")
		for _, h := range []hop{{1, 0, 2.2}, {16, 0, 3}, {64, 0, 3}, {1, 64 << 10, 1.5}, {16, 64 << 10, 1.5}} {
			h.measure(t, f, owner, f.Others(owner)[0])
		}
		f.Judge(t, nil)
	})
}

// measure calls through both, in turns, and compares.
func (h hop) measure(t *testing.T, f *kit.Fleet, owner, other *kit.Node) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: h.callers}}
	defer client.CloseIdleConnections()
	var took [2][]time.Duration
	var cpu [2]time.Duration
	for range hopRounds {
		for i, n := range []*kit.Node{owner, other} {
			before := f.Work()
			took[i] = append(took[i], h.round(t, f, client, n)...)
			used, whole := f.Work().Since(before)
			if now := f.AwaitOwner("s0"); !whole || now != owner {
				t.Fatalf("a process ended while calls were measured, and s0 is at %s after %s: nothing can be compared", now.ID, owner.ID)
			}
			cpu[i] += used
		}
	}
	here, there := median(took[0]), median(took[1])
	times, work := float64(there)/float64(here), float64(cpu[1])/float64(cpu[0])
	each := func(d time.Duration) time.Duration { return (d / (hopRounds * hopInRound)).Round(time.Microsecond) }
	t.Logf("figure: %d callers, %d bytes: p50 %v through the owner, %v through another, %.1f times (at most %.1f); CPU of all a call %v and %v, %.1f times (at most %.1f)",
		h.callers, h.bytes, here.Round(time.Microsecond), there.Round(time.Microsecond), times, h.most, each(cpu[0]), each(cpu[1]), work, hopCPU)
	if times > hopSlack*h.most || work > hopSlack*hopCPU {
		t.Errorf("%d callers, %d bytes: the hop took %.1f times as long and %.1f times the CPU, want %.1f and %.1f at most, twice that on a busy machine",
			h.callers, h.bytes, times, work, h.most, hopCPU)
	}
}

// round makes some calls through a gateway and returns how long each took.
func (h hop) round(t *testing.T, f *kit.Fleet, client *http.Client, n *kit.Node) []time.Duration {
	t.Helper()
	tool, arguments := "echo", map[string]any{}
	if h.bytes > 0 {
		tool, arguments = "big", map[string]any{"bytes": h.bytes}
	}
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var work sync.WaitGroup
	for range h.callers {
		work.Go(func() {
			for range hopInRound / h.callers {
				c := f.CallTool(context.Background(), client, n, "s0", tool, arguments)
				mu.Lock()
				took = append(took, c.Took)
				if c.Code != "" {
					failed = fmt.Errorf("%s: %s: %s", n.ID, c.Code, c.Message)
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
	return took
}

func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}
