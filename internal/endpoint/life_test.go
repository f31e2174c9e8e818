package endpoint_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
)

var update = flag.Bool("update", false, "write the table in docs/ARCHITECTURE.md anew")

// lifeWanted is the life of a server once more, the other way around: what
// each state does with each fact that it doesn't ignore.
var lifeWanted = map[endpoint.State]string{
	endpoint.Idle: `begun:starting crashed:backing-off refused:needs-auth stayed:ready parked:idle
		retried:backing-off given-up:quarantined moved:starting barred:misconfigured removed:draining ended:stopped`,
	endpoint.Starting: `begun:starting opened:ready crashed:backing-off refused:needs-auth parked:idle
		retried:backing-off given-up:quarantined moved:starting barred:misconfigured removed:draining ended:stopped`,
	endpoint.Ready: `crashed:backing-off refused:needs-auth slept:idle
		retried:backing-off given-up:quarantined moved:starting barred:misconfigured removed:draining ended:stopped`,
	endpoint.BackingOff: `begun:starting parked:idle
		retried:backing-off given-up:quarantined moved:starting barred:misconfigured removed:draining ended:stopped`,
	endpoint.Quarantined: `begun:starting parked:idle
		retried:backing-off given-up:quarantined moved:starting barred:misconfigured removed:draining ended:stopped`,
	endpoint.NeedsAuth: `begun:starting
		retried:backing-off given-up:quarantined moved:starting barred:misconfigured removed:draining ended:stopped`,
	endpoint.Draining:      `ended:stopped`,
	endpoint.Stopped:       ``,
	endpoint.Misconfigured: `moved:starting`,
	endpoint.Disabled:      ``,
	endpoint.Held:          ``,
}

func facts() []endpoint.Fact {
	var all []endpoint.Fact
	for _, s := range endpoint.Life() {
		all = append(all, s.Fact)
	}
	return all
}

func TestLife_eachFactInEachState(t *testing.T) {
	if got, want := len(endpoint.States()), len(lifeWanted); got != want {
		t.Errorf("got %d states, want %d", got, want)
	}
	for _, from := range endpoint.States() {
		wanted := map[string]string{}
		for step := range strings.FieldsSeq(lifeWanted[from]) {
			fact, to, _ := strings.Cut(step, ":")
			wanted[fact] = to
		}
		for _, fact := range facts() {
			to, ok := endpoint.Next(from, fact)
			if want := wanted[string(fact)]; ok != (want != "") || string(to) != want {
				t.Errorf("a server that is %s hears %q: got %q, %t; want %q", from, fact, to, ok, want)
			}
			delete(wanted, string(fact))
		}
		for fact, to := range wanted {
			t.Errorf("no step leads from %s by %q; want one to %q", from, fact, to)
		}
	}
}

func TestLife_hasOneRowForEachFact(t *testing.T) {
	rows := map[endpoint.Fact]int{}
	for _, step := range endpoint.Life() {
		if rows[step.Fact]++; rows[step.Fact] > 1 {
			t.Errorf("%q has %d rows, want 1", step.Fact, rows[step.Fact])
		}
	}
}

// The move, and not only the table, has to make each step and no other.
func TestMove_followsTheTable(t *testing.T) {
	for _, from := range endpoint.States() {
		for _, fact := range append(facts(), "nonsense", "") {
			c := endpoint.NewCell("files", endpoint.Identity{Spec: "print"}, endpoint.Status{State: from, Reason: "as it was"})
			before := c.Status()
			called := false
			moved := c.Move(fact, time.Now(), func(*endpoint.Status) { called = true })
			want, wanted := endpoint.Next(from, fact)
			if moved != wanted {
				t.Errorf("a server that is %s hears %q: moved %t, want %t", from, fact, moved, wanted)
			}
			if !wanted && (c.Status() != before || isClosed(before.Replaced()) || called) {
				t.Errorf("a server that is %s hears %q: the status is now %+v, want it untouched", from, fact, *c.Status())
			}
			if wanted && (c.Status().State != want || !isClosed(before.Replaced())) {
				t.Errorf("a server that is %s hears %q: got %s, waiters woken %t; want %s, true", from, fact,
					c.Status().State, isClosed(before.Replaced()), want)
			}
		}
	}
}

func TestMove_keepsWhatStaysTrueAndNothingElse(t *testing.T) {
	at := time.Unix(1000, 0)
	c := endpoint.NewCell("files", endpoint.Identity{Spec: "print"}, endpoint.Status{State: endpoint.Starting, Run: 3, Restarts: 2})
	c.Move(endpoint.Opened, at, func(next *endpoint.Status) {
		next.PID, next.State = 7, endpoint.Held // A change cannot choose the state.
		next.Opened++
	})
	if st := c.Status(); st.State != endpoint.Ready || st.Run != 3 || st.Restarts != 2 || st.PID != 7 || !st.Since.Equal(at) {
		t.Errorf("got %+v, want ready since %s with run 3, 2 restarts and process 7", *st, at)
	}
	c.Move(endpoint.Crashed, at, func(next *endpoint.Status) { next.Reason, next.RetryAt = "exit status 3", at })
	if st := c.Status(); st.PID != 0 || st.Session != nil || st.Run != 3 {
		t.Errorf("got %+v, want run 3 without a process", *st)
	}
	c.Move(endpoint.Begun, at, nil)
	if st := c.Status(); st.Reason != "" || !st.RetryAt.IsZero() || st.Restarts != 2 || st.Opened != 1 {
		t.Errorf("got %+v, want neither reason nor next try, 2 restarts, and 1 run that was ready", *st)
	}
	c.Move(endpoint.Opened, at, func(next *endpoint.Status) { next.PID = 8 })
	c.Move(endpoint.Removed, at, nil)
	if st := c.Status(); st.PID != 8 {
		t.Errorf("a draining server shows process %d, want 8", st.PID)
	}
}

// Of two that move a cell at the same time, each sees the other's step.
func TestMove_atTheSameTime_losesNoStep(t *testing.T) {
	c := endpoint.NewCell("files", endpoint.Identity{Spec: "print"}, endpoint.Status{State: endpoint.Starting})
	var movers sync.WaitGroup
	const each = 2000
	for range 4 {
		movers.Go(func() {
			for range each {
				c.Move(endpoint.Retried, time.Time{}, func(next *endpoint.Status) { next.Restarts++ })
			}
		})
	}
	movers.Wait()
	if got := c.Status().Restarts; got != 4*each {
		t.Errorf("got %d restarts, want %d", got, 4*each)
	}
}

const (
	page  = "../../docs/ARCHITECTURE.md"
	begin = "<!-- states: printed by go test ./internal/endpoint -update -->\n"
	end   = "<!-- end of states -->\n"
)

func TestLife_thePageShowsTheTable(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table: want %q and later %q", page, begin, end)
	}
	want := lifeTable()
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s does not show the table of a server's life: run go test ./internal/endpoint -update\ngot:\n%swant:\n%s", page, got, want)
	}
}

// lifeTable is the table as the page shows it.
func lifeTable() string {
	var b strings.Builder
	b.WriteString("| fact | what has happened | from | to |\n|---|---|---|---|\n")
	left := map[endpoint.State]bool{}
	for _, step := range endpoint.Life() {
		var from []string
		for _, state := range step.From {
			from = append(from, "`"+string(state)+"`")
			left[state] = true
		}
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", step.Fact, step.What, strings.Join(from, ", "), step.To)
	}
	var final []string
	for _, state := range endpoint.States() {
		if !left[state] {
			final = append(final, "`"+string(state)+"`")
		}
	}
	fmt.Fprintf(&b, "\nNothing leads away from %s.\n", strings.Join(final, ", "))
	return b.String()
}
