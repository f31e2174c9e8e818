package fleet_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// slow has a server of a gateway busy until end is called, which waits for the answer.
func slow(t *testing.T, f *kit.Fleet, n *kit.Node, server string) (end func() *kit.Called) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	id := rand.Text()
	answer := make(chan *kit.Called, 1)
	go func() {
		answer <- f.CallTool(ctx, http.DefaultClient, n, server, "sleep", map[string]any{"ms": 1, "until": filepath.Join(n.Dir, id), "id": id})
	}()
	testkit.Eventually(t, "the slow call runs", func() bool { return f.Eye.Ran(id) == 1 })
	return func() *kit.Called {
		n.Write(id, "")
		return <-answer
	}
}

// startedOnce checks that nothing is started of a server while an older process of it has a
// call, and that it is elsewhere after that.
func startedOnce(t *testing.T, f *kit.Fleet, at *kit.Node, server string, end func() *kit.Called) {
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
		f.Apply(f.With("each", f.Fake("each").Settings("single", true)), rules(1))
		testkit.Eventually(t, "those of the others have ended", func() bool { return len(f.Eye.Live("each")) == 1 })
		startedOnce(t, f, busy, "each", end)
	})
}

// As with any other change of an entry. Each gateway may start its own at once; one for all
// has to wait for the end of the others.
func TestAcceptance18_singleChanges_runningCallsEndWhereTheyRun(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Nodes: 2, Servers: 1})
		for _, single := range []bool{false, true} {
			var ends []func() *kit.Called
			for _, n := range f.Nodes {
				ends = append(ends, slow(t, f, n, "s0"))
			}
			f.Apply(testkit.Servers{"s0": f.Fake("s0").Settings("single", single)}.JSON(), rules(1))
			if !single {
				for _, n := range f.Nodes {
					answered(t, f, n, "s0", "beside the slow one through "+n.ID)
				}
			}
			last(f.TTL)
			for _, end := range ends {
				if c := end(); c.Code != "" {
					t.Errorf("single becomes %v: a running call through %s ended with %s: %s, want its answer", single, c.Node.ID, c.Code, c.Message)
				}
			}
			copies := map[bool]int{true: 1, false: len(f.Nodes)}[single]
			testkit.Eventually(t, "only what is wanted runs", func() bool { return len(f.Eye.Live("s0")) == copies })
			for _, n := range f.Nodes {
				answered(t, f, n, "s0", fmt.Sprintf("through %s once single is %v", n.ID, single))
			}
		}
	})
}
