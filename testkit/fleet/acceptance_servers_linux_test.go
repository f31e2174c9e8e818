package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

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
			answered(t, f, n, "s0", "after-"+n.ID)
			testkit.Eventually(t, n.ID+" says that it is quarantined", func() bool {
				out, _ := n.Command("status", "killer")
				return strings.Contains(out, "quarantined")
			})
		}
	})
}

func TestAcceptance16_oddName(t *testing.T) {
	repeated(t, func(t *testing.T) {
		const odd = "a/b@c %"
		f := kit.Start(t, kit.Options{Servers: 1, Odd: odd})
		for i, n := range f.Nodes {
			id := fmt.Sprint("odd-", i)
			answered(t, f, n, odd, id)
			testkit.Eventually(t, id+" ran", func() bool { return f.Eye.Ran(id) == 1 })
		}
	})
}
