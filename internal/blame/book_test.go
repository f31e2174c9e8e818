package blame_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/blame"
	"gatehouse/internal/endpoint"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var terms = blame.Terms{Block: 5 * time.Minute, Trial: 30 * time.Second}

// by is a call: "origin/agent/tool".
func by(origin, agent, tool string) endpoint.Call {
	return endpoint.Call{ID: "x", Origin: origin, Agent: agent, Tool: tool}
}

// desk is a book and the time.
type desk struct {
	book blame.Book
	now  time.Time
	ago  time.Duration // when the call before was answered
}

func newDesk() *desk { return &desk{now: start} }

// crash notes a crash a second later, at which these calls ran.
func (d *desk) crash(ran ...endpoint.Call) blame.Verdict {
	return d.crashAfter(endpoint.Call{}, ran...)
}

// crashAfter is a crash right after a call was answered.
func (d *desk) crashAfter(before endpoint.Call, ran ...endpoint.Call) blame.Verdict {
	d.now = d.now.Add(time.Second)
	calls := endpoint.Calls{Before: before, BeforeAt: d.now.Add(-d.ago), BeforeOnce: before.ID != ""}
	for _, c := range ran {
		calls.Add(c)
	}
	return d.book.Note(blame.Crash{At: d.now, Calls: calls, Reason: "signal: killed"}, terms)
}

// blocked prints blocks.
func blocked(list []endpoint.Block) []string {
	var texts []string
	for _, b := range list {
		texts = append(texts, fmt.Sprintf("%s/%s/%s after %d", b.Origin, b.Agent, b.Tool, b.Crashes))
	}
	return texts
}

func TestNote_whoIsBlocked(t *testing.T) {
	x := func(agent, tool string) endpoint.Call { return by("X", agent, tool) }
	other := func(i int) endpoint.Call { return by(fmt.Sprint("H", i), "h", "query") }
	for _, c := range []struct {
		name string
		ran  [][]endpoint.Call // of each crash
		want []string          // what the last one leads to
	}{
		{"alone once: nobody", [][]endpoint.Call{{x("a", "t")}}, nil},
		{"alone at two with one tool: that tool", [][]endpoint.Call{{x("a", "t")}, {x("a", "t")}}, []string{"X/a/t after 2"}},
		{"alone at two with two tools: nobody yet", [][]endpoint.Call{{x("a", "t")}, {x("a", "u")}}, nil},
		{"alone at three over three tools: the server", [][]endpoint.Call{{x("a", "t")}, {x("a", "u")}, {x("a", "v")}}, []string{"X/a/ after 3"}},
		{"again with another tool once one is blocked: the server", [][]endpoint.Call{{x("a", "t")}, {x("a", "t")}, {x("a", "u")}}, []string{"X/a/ after 3"}},
		{"two of one caller's own calls are its own", [][]endpoint.Call{{x("a", "t"), x("a", "u")}, {x("a", "t")}}, []string{"X/a/t after 2"}},
		{"three names of one origin: nobody yet", [][]endpoint.Call{{x("a", "t")}, {x("b", "t")}, {x("c", "t")}}, nil},
		{"four names of one origin: the origin", [][]endpoint.Call{{x("a", "t")}, {x("b", "t")}, {x("c", "t")}, {x("d", "t")}}, []string{"X// after 4"}},
		{"two names of one origin, four crashes: the origin", [][]endpoint.Call{{x("a", "t")}, {x("b", "u")}, {x("a", "v")}, {x("b", "w")}}, []string{"X// after 4"}},
		{
			"a crash of another name of the origin, once one is blocked: nobody",
			[][]endpoint.Call{{x("a", "t")}, {x("a", "t")}, {x("a", "u")}, {x("b", "t")}, {x("c", "t")}},
			nil,
		},
		{"a second name is blocked by itself", [][]endpoint.Call{{x("a", "t")}, {x("a", "t")}, {x("b", "t")}, {x("b", "t")}}, []string{"X/b/t after 2"}},
		{
			"a third name to be blocked: the origin",
			[][]endpoint.Call{{x("a", "t")}, {x("a", "t")}, {x("b", "t")}, {x("b", "t")}, {x("c", "t")}, {x("c", "t")}},
			[]string{"X// after 6"},
		},
		{"many origins, once each: nobody", [][]endpoint.Call{{other(1)}, {other(2)}, {other(3)}, {other(4)}, {other(5)}}, nil},
		{
			"beside others at two, and the only suspect at the third: that tool",
			[][]endpoint.Call{{x("a", "t"), other(1)}, {other(2), x("a", "t"), other(1)}, {x("a", "t"), other(3)}},
			[]string{"X/a/t after 3"},
		},
		{
			"beside others over several tools, and the only suspect at the third: the server",
			[][]endpoint.Call{{x("a", "t"), other(1)}, {other(1), x("a", "u")}, {x("a", "v"), other(3)}},
			[]string{"X/a/ after 3"},
		},
		{
			"beside others by several names, and the only suspect at the next: the origin",
			[][]endpoint.Call{{x("a", "t"), other(1)}, {other(1), x("b", "t")}, {x("c", "t"), other(3)}, {x("d", "t"), other(4)}},
			[]string{"X// after 4"},
		},
		{"the only suspect at the third ran beside a stranger: the suspect", [][]endpoint.Call{
			{x("a", "t"), other(1)}, {x("a", "t"), other(1)}, {other(1), by("Y", "y", "z")},
		}, []string{"H1/h/query after 3"}},
		{"no call ran: nobody", [][]endpoint.Call{{}, {}, {}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk()
			var v blame.Verdict
			for _, ran := range c.ran {
				v = d.crash(ran...)
			}
			if got := blocked(v.Fresh); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(c.want) > 0 && !v.Blamed {
				t.Error("the crash counts against the server, want the caller's")
			}
		})
	}
}

func TestNote_blockIsInForceForItsTimeAndAboutItsCallsOnly(t *testing.T) {
	d := newDesk()
	d.crash(by("X", "a", "t"))
	guard := d.crash(by("X", "a", "t")).Guard
	for _, c := range []struct {
		call  endpoint.Call
		after time.Duration
		want  bool
	}{
		{by("X", "a", "t"), 0, true},
		{by("X", "a", "t"), terms.Block - 1, true},
		{by("X", "a", "t"), terms.Block, false},
		{by("X", "a", "u"), 0, false},
		{by("X", "b", "t"), 0, false},
		{by("Y", "a", "t"), 0, false}, // Its name is only claimed elsewhere.
	} {
		if got := guard.Blocked(c.call, d.now.Add(c.after)) != nil; got != c.want {
			t.Errorf("%+v after %v: blocked %t, want %t", c.call, c.after, got, c.want)
		}
	}
	d.now = d.now.Add(terms.Block)
	if v := d.crash(by("X", "a", "t")); len(v.Fresh) != 1 {
		t.Errorf("the first crash after a block: got %d blocks, want 1 at once", len(v.Fresh))
	}
	d.now = d.now.Add(blame.Memory)
	if v := d.crash(by("X", "a", "t")); len(v.Fresh) != 0 || v.Guard != nil || v.Blamed {
		t.Errorf("a crash long after: got %+v, want nothing", v)
	}
}

// What an origin does by several names and tools never costs the server its
// place: from the second crash on they are the origin's.
func TestNote_crashesOfOneOrigin_areNotTheServers(t *testing.T) {
	d := newDesk()
	if v := d.crash(by("X", "a", "t")); v.Blamed {
		t.Errorf("the first: got %+v, want the server's", v)
	}
	first := d.now
	v := d.crash(by("X", "b", "u"))
	if !v.Blamed || !slices.Equal(v.Forgiven, []time.Time{first}) {
		t.Errorf("the second: got %+v, want the origin's, as the first", v)
	}
}

func TestNote_suspectsTakeTurnsForAWhile(t *testing.T) {
	d := newDesk()
	x, h, other := by("X", "a", "t"), by("H", "h", "query"), by("O", "o", "query")
	if v := d.crash(x, h); v.Guard != nil {
		t.Errorf("one crash: got %+v, want no guard", v.Guard)
	}
	guard := d.crash(h, x, other).Guard
	cell := endpoint.NewCell("db", endpoint.Identity{}, endpoint.Status{})
	cell.PublishGuard(guard)
	for _, c := range []struct {
		call  endpoint.Call
		after time.Duration
		want  bool
	}{{x, 0, true}, {h, 0, true}, {other, 0, false}, {x, 10*time.Second - 1, true}, {x, 10 * time.Second, false}} {
		if got := cell.Guard().Turn(c.call, d.now.Add(c.after)) != nil; got != c.want {
			t.Errorf("%+v after %v: takes turns %t, want %t", c.call, c.after, got, c.want)
		}
	}
	if guard = d.crash(x, other).Guard; guard.Turn(h, d.now) != nil || guard.Blocked(x, d.now) == nil || guard.Blocked(h, d.now) != nil {
		t.Errorf("got %+v, want the culprit blocked and the others free", guard)
	}
}

// A call that is answered and then ends the server, or spoils it for the next
// one.
func TestNote_theCallBefore(t *testing.T) {
	evil := by("X", "a", "t")
	t.Run("a server that ends after its answer is the doing of that call", func(t *testing.T) {
		d := newDesk()
		for i, want := range [][]string{nil, nil, {"X/a/t after 3"}} {
			if got := blocked(d.crashAfter(evil).Fresh); !slices.Equal(got, want) {
				t.Errorf("crash %d: got %q, want %q", i+1, got, want)
			}
		}
	})
	t.Run("a server that ends long after its answer is not", func(t *testing.T) {
		d := newDesk()
		d.ago = 1001 * time.Millisecond
		for range 5 {
			if v := d.crashAfter(evil); v.Guard != nil || v.Blamed {
				t.Fatalf("got %+v, want nothing", v)
			}
		}
	})
	t.Run("a server that ends at the next call of anybody is, too", func(t *testing.T) {
		d := newDesk()
		var v blame.Verdict
		for _, victim := range []int{1, 1, 2, 3} {
			v = d.crashAfter(evil, by(fmt.Sprint("H", victim), "h", "query"))
		}
		if got, want := blocked(v.Guard.Blocks), []string{"X/a/ after 4"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q: the victims are free", got, want)
		}
		if len(v.Forgiven) != 3 {
			t.Errorf("got %d earlier crashes forgiven, want 3", len(v.Forgiven))
		}
	})
	t.Run("who happens to call before is not", func(t *testing.T) {
		d := newDesk()
		for range 4 {
			v := d.crashAfter(by("H", "h", "query"), evil)
			if b := v.Guard.Blocked(by("H", "h", "query"), d.now); b != nil {
				t.Fatalf("got %+v, want it free", b)
			}
		}
	})
}

func TestNote_memoryIsBounded(t *testing.T) {
	d := newDesk()
	for i := range 600 {
		v := d.crash(by(fmt.Sprint("X", i/2), "a", "t"))
		d.now = d.now.Add(-999 * time.Millisecond)
		if v.Guard != nil && len(v.Guard.Blocks) > 300 {
			t.Fatalf("%d blocks are kept, want a bound", len(v.Guard.Blocks))
		}
	}
}

// kill notes an end by a signal from outside, at which these calls ran.
func (d *desk) kill(ran ...endpoint.Call) blame.Verdict {
	d.now = d.now.Add(time.Second)
	calls := endpoint.Calls{}
	for _, c := range ran {
		calls.Add(c)
	}
	return d.book.Note(blame.Crash{At: d.now, Calls: calls, Killed: true, Reason: "signal: killed"}, terms)
}

func TestNote_kills_areNobodysUntilThereAreFive(t *testing.T) {
	d := newDesk()
	for i := range 4 {
		if v := d.kill(by("X", "a", "t")); v.Blamed || len(v.Fresh) > 0 {
			t.Errorf("kill %d: got %+v, want nobody blamed", i+1, v)
		}
	}
	if v := d.kill(by("X", "a", "t")); !slices.Equal(blocked(v.Fresh), []string{"X/a/t after 5"}) {
		t.Errorf("the fifth kill: got %v, want the tool of all five blocked", blocked(v.Fresh))
	}
}

func TestNote_kills_doNotHideCrashes(t *testing.T) {
	d := newDesk()
	d.kill(by("X", "a", "t"))
	d.crash(by("X", "a", "t"))
	d.kill(by("X", "a", "t"))
	if v := d.crash(by("X", "a", "t")); !slices.Equal(blocked(v.Fresh), []string{"X/a/t after 2"}) {
		t.Errorf("got %v, want the tool blocked for its two crashes", blocked(v.Fresh))
	}
}

func TestNote_killsLongAgo_areForgotten(t *testing.T) {
	d := newDesk()
	for range 4 {
		d.kill(by("X", "a", "t"))
	}
	d.now = d.now.Add(blame.Memory)
	if v := d.kill(by("X", "a", "t")); len(v.Fresh) > 0 {
		t.Errorf("got %v, want nobody blocked for kills of an hour ago", blocked(v.Fresh))
	}
}
