package fleet_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// slow has a server of a gateway busy until end is called.
func slow(t *testing.T, f *kit.Fleet, n *kit.Node, server string) (end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go f.CallTool(ctx, http.DefaultClient, n, server, "sleep", map[string]any{"ms": 1, "until": filepath.Join(n.Dir, "end"), "id": "slow"})
	testkit.Eventually(t, "the slow call runs", func() bool { return f.Eye.Ran("slow") == 1 })
	return func() { n.Write("end", "") }
}

// startedOnce checks that nothing is started of a server while an older process of it has a
// call, and that it is elsewhere after that.
func startedOnce(t *testing.T, f *kit.Fleet, at *kit.Node, server string, end func()) {
	t.Helper()
	before := len(f.Eye.Copies()[server])
	last(2 * f.TTL)
	if n := len(f.Eye.Copies()[server]) - before; n != 0 {
		t.Errorf("%d processes of %s were started while an older one had a call, want none: %v", n, server, f.Eye.Copies()[server])
	}
	end()
	testkit.Eventually(t, server+" runs at another gateway", func() bool { o := f.Owner(server); return o != nil && o != at })
}

// Nobody can ask the owner whether anything of the server runs there.
func TestAcceptance05_ownerCutFromItsPeers_entryChangesAndItMoves(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		owner := f.AwaitOwner("s0")
		end := slow(t, f, owner, "s0")
		owner.CutPeers(kit.Cut)
		f.Apply(testkit.Servers{"s0": f.Fake("s0").With("env", map[string]string{"NEW": "1"})}.JSON(), rules(1))
		testkit.Eventually(t, "the new process runs beside the old one", func() bool { return len(f.Eye.Live("s0")) == 2 })
		moved := make(chan struct{})
		go func() {
			defer close(moved)
			_, _ = owner.Command("move", "s0", f.Others(owner)[0].ID) // It cannot hear what becomes of it.
		}()
		testkit.Eventually(t, "the new process has ended", func() bool { return len(f.Eye.Live("s0")) == 1 })
		startedOnce(t, f, owner, "s0", end)
		<-moved
	})
}

func TestAcceptance05_oneCutFromItsPeers_andSingleBecomesTrue(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		f.Apply(f.With("each", f.Fake("each").Settings("single", false)), rules(1))
		testkit.Eventually(t, "each gateway has its own", func() bool { return len(f.Eye.Live("each")) == len(f.Nodes) })
		busy := f.Nodes[0]
		end := slow(t, f, busy, "each")
		busy.CutPeers(kit.Cut)
		entry := f.Fake("each").With("env", map[string]string{"NEW": "1"}).Settings("single", true) // With its old form, calls would not go on.
		f.Apply(f.With("each", entry), rules(1))
		testkit.Eventually(t, "those of the others have ended", func() bool { return len(f.Eye.Live("each")) == 1 })
		startedOnce(t, f, busy, "each", end)
	})
}
