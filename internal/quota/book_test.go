package quota_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/quota"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func limit(n int64) policy.Limit { return policy.Limit{N: n, Path: fmt.Sprint("limit ", n)} }

// calls are limits of calls alone.
func calls(perMinute, burst int64) *policy.Limits {
	return &policy.Limits{Amounts: policy.Amounts{CallsPerMinute: limit(perMinute), Burst: limit(burst)}}
}

// desk is a book and the time.
type desk struct {
	quota.Book

	now time.Time
}

// enter makes a call of db's query that ends at once, and reports whether it was
// counted.
func (d *desk) enter(limits *policy.Limits) (quota.Exceeded, bool) {
	t, over, ok := d.Enter(quota.Key{Credential: "c", Agent: "a"}, limits, "db", "query", d.now)
	t.Leave()
	return over, ok
}

// burst is how many calls go through now.
func (d *desk) burst(limits *policy.Limits) (n int) {
	for n < 10_000 {
		if _, ok := d.enter(limits); !ok {
			return n
		}
		n++
	}
	return n
}

func TestEnter_callsAMinute(t *testing.T) {
	d := &desk{now: start}
	limits := calls(60, 10)
	if got := d.burst(limits); got != 10 {
		t.Errorf("at first: got %d calls, want the burst of 10", got)
	}
	over, ok := d.enter(limits)
	if ok || over.Kind != quota.Calls || over.Limit.N != 60 || over.Burst != 10 || over.Wait != time.Second {
		t.Errorf("got %+v, want 60 a minute exceeded, for 1 s", over)
	}
	d.now = d.now.Add(over.Wait)
	if got := d.burst(limits); got != 1 {
		t.Errorf("after the wait: got %d calls, want 1", got)
	}
	d.now = d.now.Add(time.Hour)
	if got := d.burst(limits); got != 10 {
		t.Errorf("after a pause: got %d calls, want the burst of 10", got)
	}
	whole := &policy.Limits{Amounts: policy.Amounts{CallsPerMinute: limit(7)}}
	if got := (&desk{now: start}).burst(whole); got != 7 {
		t.Errorf("without a burst: got %d calls at once, want a minute's 7", got)
	}
}

// Whoever waits as long as it is told gets through, and never earlier than the
// rate allows.
func TestEnter_theWaitIsExact(t *testing.T) {
	c := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		perMinute, burst := 1+c.Int64N(1000), 1+c.Int64N(20)
		d, limits, n := &desk{now: start}, calls(perMinute, burst), int64(0)
		for range 100 {
			over, ok := d.enter(limits)
			if ok {
				n++
				continue
			}
			d.now = d.now.Add(over.Wait - time.Millisecond)
			if _, early := d.enter(limits); early && over.Wait > 2*time.Millisecond {
				t.Fatalf("%d a minute: a call 1 ms before its time was counted, want it refused", perMinute)
			}
			d.now = d.now.Add(time.Millisecond)
			if _, ok := d.enter(limits); !ok {
				t.Fatalf("%d a minute: a call after the wait of %v was refused, want it counted", perMinute, over.Wait)
			}
			n++
		}
		if most := burst + int64(d.now.Sub(start).Minutes()*float64(perMinute)) + 1; n > most {
			t.Fatalf("%d a minute, burst %d: %d calls in %v, want at most %d", perMinute, burst, n, d.now.Sub(start), most)
		}
	}
}

func TestEnter_concurrent(t *testing.T) {
	d := &desk{now: start}
	limits := &policy.Limits{Amounts: policy.Amounts{Concurrent: limit(2)}}
	key := quota.Key{Agent: "a"}
	first, _, _ := d.Enter(key, limits, "db", "query", d.now)
	second, _, _ := d.Enter(key, limits, "db", "other", d.now)
	if _, over, ok := d.Enter(key, limits, "db", "query", d.now); ok || over.Kind != quota.Concurrent || over.Wait <= 0 {
		t.Errorf("a third: got %+v, want it refused", over)
	}
	if _, _, ok := d.Enter(quota.Key{Agent: "b"}, limits, "db", "query", d.now); !ok {
		t.Error("another agent is refused, want it counted by itself")
	}
	first.Leave()
	first.Leave() // Once is enough.
	third, _, ok := d.Enter(key, limits, "db", "query", d.now)
	if !ok {
		t.Error("after one has ended: refused, want it counted")
	}
	if _, _, ok := d.Enter(key, limits, "db", "query", d.now); ok {
		t.Error("leaving twice made room for two, want one")
	}
	second.Leave()
	third.Leave()
}

func TestEnter_bytesAnHour(t *testing.T) {
	d := &desk{now: start}
	limits := &policy.Limits{Amounts: policy.Amounts{ResultBytesPerHour: limit(3600)}}
	answered := func(n int) (quota.Exceeded, bool) {
		ticket, over, ok := d.Enter(quota.Key{Agent: "a"}, limits, "db", "query", d.now)
		ticket.Answered(n, d.now)
		ticket.Leave()
		return over, ok
	}
	if _, ok := answered(3599); !ok {
		t.Error("the first: refused, want it counted")
	}
	if _, ok := answered(11); !ok {
		t.Error("with a byte left: refused, want it counted, however large it is")
	}
	over, ok := answered(0)
	if ok || over.Kind != quota.Bytes || over.Wait != 11*time.Second {
		t.Errorf("10 bytes over: got %+v, want it refused for 11 s", over)
	}
	d.now = d.now.Add(over.Wait)
	if _, ok := answered(1 << 40); !ok {
		t.Error("after the wait: refused, want it counted")
	}
	if over, _ := answered(0); over.Wait > 24*time.Hour+time.Second || over.Wait < 23*time.Hour {
		t.Errorf("after a huge answer: refused for %v, want a day at most", over.Wait)
	}
}

// What is refused uses up nothing, of whatever limit.
func TestEnter_perTool(t *testing.T) {
	d := &desk{now: start}
	limits := calls(600, 10)
	limits.PerTool = []policy.ToolLimits{
		{Server: policy.Rule{Pattern: "db"}, Tool: policy.Rule{Pattern: "drop_*"}, Amounts: policy.Amounts{CallsPerMinute: limit(2)}},
		{Server: policy.Rule{Pattern: "*"}, Tool: policy.Rule{Pattern: "*_all"}, Amounts: policy.Amounts{CallsPerMinute: limit(3)}},
	}
	try := func(server, tool string) (quota.Exceeded, bool) {
		ticket, over, ok := d.Enter(quota.Key{Agent: "a"}, limits, server, tool, d.now)
		ticket.Leave()
		return over, ok
	}
	for i, c := range []struct {
		server, tool string
		ok           bool
		pattern      string
	}{
		{"db", "drop_x", true, ""},
		{"db", "drop_all", true, ""}, // One of each.
		{"db", "drop_y", false, "drop_*"},
		{"db", "drop_all", false, "drop_*"},
		{"web", "drop_all", true, ""},
		{"web", "get_all", true, ""},
		{"web", "get_all", false, "*_all"},
		{"db", "query", true, ""},
	} {
		over, ok := try(c.server, c.tool)
		if ok != c.ok || over.Tool != c.pattern {
			t.Errorf("call %d, %s of %s: got %t by %q, want %t by %q", i, c.tool, c.server, ok, over.Tool, c.ok, c.pattern)
		}
	}
	n := 0
	for ; n < 20; n++ {
		if _, ok := try("db", "query"); !ok {
			break
		}
	}
	if n != 5 {
		t.Errorf("%d calls were left, want 5: five of ten were counted, and no refusal", n)
	}
}

// A reload that changes a limit keeps what was used.
func TestEnter_changedLimits_keepWhatWasUsed(t *testing.T) {
	for _, c := range []struct {
		name string
		next *policy.Limits
		left int
	}{
		{"the same again", calls(1, 10), 4},
		{"raised", calls(1, 20), 14},
		{"lowered", calls(1, 8), 2},
		{"lowered below what was used", calls(1, 3), 0},
		{"another rate", calls(2, 10), 4},
	} {
		d := &desk{now: start}
		for range 6 {
			d.enter(calls(1, 10))
		}
		if got := d.burst(c.next); got != c.left {
			t.Errorf("%s: got %d calls more, want %d", c.name, got, c.left)
		}
	}
	// Two generations at once, as while a reload takes effect.
	d := &desk{now: start}
	for range 50 {
		d.enter(calls(1, 10))
		d.enter(calls(1, 11))
	}
	if got := d.burst(calls(1, 11)); got != 0 {
		t.Errorf("by turns: got %d calls more, want none", got)
	}
}

func TestBook_isBounded(t *testing.T) {
	d := &desk{now: start}
	limits := calls(1, 1)
	refused := 0
	for i := range 12_000 {
		d.now = d.now.Add(time.Microsecond)
		_, _, ok := d.Enter(quota.Key{Credential: fmt.Sprint(i), Agent: "a"}, limits, "db", "query", d.now)
		if !ok {
			refused++
		}
	}
	if refused < 1900 {
		t.Errorf("%d of the last 2,000 newcomers were refused, want them to share one account", refused)
	}
	if got := len(d.Refused(5)); got != 1 {
		t.Errorf("%d accounts with refusals, want the shared one", got)
	}
	counted := 0
	d.now = d.now.Add(time.Hour)
	for i := range 5 {
		if _, _, ok := d.Enter(quota.Key{Credential: fmt.Sprint("new", i), Agent: "a"}, limits, "db", "query", d.now); ok {
			counted++
		}
	}
	if counted != 1 {
		t.Errorf("%d of 5 newcomers were counted, want 1: all others still run, so that they share one account", counted)
	}
}

// Whoever has used nothing for long takes no room from newcomers.
func TestBook_accountsWithNothingUsed_giveWay(t *testing.T) {
	d := &desk{now: start}
	limits := calls(1, 1)
	enter := func(who string) bool {
		ticket, _, ok := d.Enter(quota.Key{Credential: who, Agent: "a"}, limits, "db", "query", d.now)
		ticket.Leave()
		return ok
	}
	for i := range 12_000 {
		enter(fmt.Sprint(i))
	}
	d.now = d.now.Add(time.Hour)
	for i := range 5 {
		if who := fmt.Sprint("new", i); !enter(who) {
			t.Errorf("%s was refused, want an account of its own: all others have used nothing for an hour", who)
		}
	}
}

func TestRefused_saysWhoseCallsAndWhy(t *testing.T) {
	d := &desk{now: start}
	limits := calls(1, 1)
	for range 4 {
		d.enter(limits)
	}
	got := d.Refused(10)
	if len(got) != 1 || got[0].Agent != "a" || got[0].Credential != "c" || got[0].Calls != 3 || got[0].Last.Limit.Path != "limit 1" || !got[0].At.Equal(start) {
		t.Errorf("got %+v, want 3 of a by limit 1", got)
	}
}

func BenchmarkEnter(b *testing.B) {
	d := &desk{now: start}
	limits := calls(1_000_000, 1_000_000)
	limits.Concurrent = limit(100_000)
	b.ReportAllocs()
	for b.Loop() {
		d.now = d.now.Add(time.Millisecond)
		d.enter(limits)
	}
}
