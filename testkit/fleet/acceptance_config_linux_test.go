package fleet_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// rules are those by which all may do everything, and another text each time.
func rules(i int) string {
	return testkit.Rules{kit.Agent: {Allow: []string{"*"}}, fmt.Sprint("agent-", i): {Allow: []string{"s0"}}}.JSON()
}

func TestAcceptance08_appliedUnderLoad(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, kit.Options{})
		var took []time.Duration
		applies, calls := wanted(t, appliesVariable, 30), wanted(t, callsVariable, 0)
		for i := 0; i < applies || x.load.Count() < calls; i++ {
			at := time.Now()
			x.Apply(x.Config(), rules(i))
			took = append(took, time.Since(at))
		}
		slices.Sort(took)
		t.Logf("figure: %d times apply, the whole command: half of them within %v, all within %v", len(took), took[len(took)/2], took[len(took)-1])
		x.noneFailed()
		for _, n := range x.Nodes {
			neverOlder(t, n, kit.Through(x.load.Calls(), n))
		}
	})
}

// neverOlder checks that no call of a gateway was decided by an older generation than one
// that had ended before it began.
func neverOlder(t *testing.T, n *kit.Node, calls []*kit.Called) {
	t.Helper()
	ends := func(c *kit.Called) time.Time { return c.Begun.Add(c.Took) }
	ended := slices.SortedFunc(slices.Values(calls), func(a, b *kit.Called) int { return ends(a).Compare(ends(b)) })
	newest, compared := 0, 0
	for _, c := range slices.SortedFunc(slices.Values(calls), func(a, b *kit.Called) int { return a.Begun.Compare(b.Begun) }) {
		for len(ended) > 0 && ends(ended[0]).Before(c.Begun) {
			newest, ended = max(newest, ended[0].Generation), ended[1:]
		}
		if c.Generation == 0 || newest == 0 {
			continue
		}
		compared++
		if c.Generation < newest {
			t.Errorf("%s answered by generation %d after %d, want that none falls back", n.ID, c.Generation, newest)
		}
	}
	if compared == 0 {
		t.Errorf("%s: no two calls could be compared, want that answers name their generations", n.ID)
	}
}

func TestAcceptance08_oneFrozen_theOthersGoOn(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 2})
		frozen := f.Nodes[2]
		frozen.Signal(syscall.SIGSTOP)
		at := time.Now()
		f.Apply(f.Config(), rules(1))
		took := time.Since(at)
		frozen.Signal(syscall.SIGCONT)
		t.Logf("figure: applied beside a frozen gateway after %v", took.Round(time.Millisecond))
		if took > f.TTL+time.Second+slack() {
			t.Errorf("apply took %v beside a frozen gateway, want %v at most", took, f.TTL+time.Second)
		}
		frozen.AwaitReady()
	})
}

func TestAcceptance08_oneRefuses_nothingChangesAnywhere(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		before := f.CallOnce(f.Nodes[0], "s0", "before").Generation
		out, err := f.TryApply(f.With("new", f.Fake("new").With("env", map[string]string{"WHERE": "${ONLY_ON_N1}"})), rules(1))
		if err == nil || !strings.Contains(out, "cannot follow") || !strings.Contains(out, "ONLY_ON_N1") {
			t.Errorf("got %v and %s, want it refused, with who cannot follow and the variable named", err, out)
		}
		for _, n := range f.Nodes {
			if c := answered(t, f, n, "s0", "after-"+n.ID); c.Generation != before {
				t.Errorf("%s: got an answer by generation %d, want %d as before", n.ID, c.Generation, before)
			}
		}
		if n := len(f.Eye.Copies()["new"]); n != 0 {
			t.Errorf("%d processes of the refused server ran, want none", n)
		}
	})
}

func TestAcceptance09_revoked(t *testing.T) {
	repeated(t, func(t *testing.T) {
		f := kit.Start(t, kit.Options{Servers: 1})
		for _, n := range f.Nodes {
			answered(t, f, n, "s0", "before-"+n.ID)
		}
		f.Apply(f.Config(), testkit.Rules{kit.Agent: {Allow: []string{"*"}, Deny: []string{"s0"}}}.JSON())
		at := time.Now()
		for _, n := range f.Nodes {
			testkit.Eventually(t, n.ID+" refuses", func() bool {
				c := f.CallOnce(n, "s0", fmt.Sprintf("after-%s-%d", n.ID, time.Now().UnixNano()))
				return c.Code == "DENIED_BY_POLICY"
			})
		}
		took := time.Since(at)
		t.Logf("figure: refused by all %v after apply returned", took.Round(time.Millisecond))
		if took > 250*time.Millisecond+slack() {
			t.Errorf("refused by all after %v, want 250 ms at most", took)
		}
	})
}

// rotating are fleets whose servers have a variable of a file in each gateway's folder.
func rotating() kit.Options {
	return kit.Options{
		Files: map[string]string{"vars.env": "ROTATES=one\n"},
		Entry: func(e testkit.Entry) testkit.Entry {
			return e.With("envFile", "vars.env").With("env", map[string]string{"WHAT": "${ROTATES}"})
		},
	}
}

func TestAcceptance13_envFilesRotateOneAfterTheOther(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, rotating())
		for _, n := range []*kit.Node{x.others[0], x.owner, x.others[1]} {
			n.Write("vars.env", "ROTATES=two\n")
			last(time.Second)
		}
		for _, s := range x.owned {
			testkit.Eventually(t, s+" has been started again by the new file", func() bool { return len(x.Eye.Copies()[s]) == 2 && x.Owner(s) == x.owner })
		}
		x.Eye.Forgive() // A server that changes runs beside its old process while that drains.
		x.noneFailed()
		for _, n := range x.Nodes {
			if log := n.Log(); strings.Contains(log, `"kind":"stale"`) {
				t.Errorf("the log of %s says that it refused stale calls, want none refused", n.ID)
			}
		}
	})
}

func TestAcceptance13_rulesChange_whereOneCannotResolveAVariable(t *testing.T) {
	repeated(t, func(t *testing.T) {
		x := begin(t, rotating())
		lacks, its := x.others[0], x.Owned(x.others[0])
		x.copies += len(its) // What it cannot start any more, others do.
		lacks.Write("vars.env", "OTHER=1\n")
		for _, s := range x.Servers() {
			testkit.Eventually(t, s+" is elsewhere, and its status says why", func() bool {
				out, err := lacks.Command("status", s)
				return err == nil && strings.Contains(out, "runs at ") && strings.Contains(out, "cannot run here: ") && strings.Contains(out, "ROTATES")
			})
		}
		x.noneFailed() // Calls through that gateway go where the servers are.
		x.nothingMoved()
		if out, err := x.owner.Command("fleet"); err != nil || !strings.Contains(out, lacks.ID+" cannot run s0, ") {
			t.Errorf("fleet: got %v and %s, want exit code 0, as others can, and that %s cannot run any server", err, out, lacks.ID)
		}
		x.Apply(x.Config(), testkit.Rules{kit.Agent: {Allow: []string{"*"}, Deny: []string{"s0"}}}.JSON())
		for _, n := range x.Nodes {
			if c := x.CallOnce(n, "s0", "revoked-"+n.ID); c.Code != "DENIED_BY_POLICY" {
				t.Errorf("%s: got %q: %s, want it denied", n.ID, c.Code, c.Message)
			}
		}
		answered(t, x.Fleet, x.others[1], "s1", "allowed")
		out, err := x.TryApply(x.With("more", x.Fake("more").With("env", map[string]string{"WHAT": "${ROTATES}"}).With("envFile", "vars.env")), rules(2))
		if err == nil || !strings.Contains(out, x.others[0].ID) || !strings.Contains(out, "ROTATES") {
			t.Errorf("apply of more servers: got %v and %s, want it refused, with %s and the variable named", err, out, x.others[0].ID)
		}
	})
}
