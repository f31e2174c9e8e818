package fleet_test

import (
	"fmt"
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
		for i := range 30 {
			at := time.Now()
			x.Apply(x.Config(), rules(i))
			took = append(took, time.Since(at))
		}
		t.Logf("figure: apply, the whole command: %v", took)
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
	generation := 0
	for _, c := range calls {
		// Calls of several callers overlap: only one that began after another's end must not be older.
		if c.Generation != 0 && c.Generation < generation && !overlaps(calls, c) {
			t.Errorf("%s answered by generation %d after %d, want that none falls back", n.ID, c.Generation, generation)
		}
		generation = max(generation, c.Generation)
	}
}

// overlaps reports whether another call of the same gateway had not ended when a call began.
func overlaps(calls []*kit.Called, c *kit.Called) bool {
	for _, other := range calls {
		if other != c && other.Begun.Before(c.Begun.Add(c.Took)) && other.Begun.Add(other.Took).After(c.Begun) {
			return true
		}
	}
	return false
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
		if took > f.TTL+time.Second+slack {
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
				return c.Code != ""
			})
		}
		took := time.Since(at)
		t.Logf("figure: refused by all %v after apply returned", took.Round(time.Millisecond))
		if took > 250*time.Millisecond+slack {
			t.Errorf("refused by all after %v, want 250 ms at most", took)
		}
	})
}
