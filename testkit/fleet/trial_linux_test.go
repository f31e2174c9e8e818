package fleet_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// The variables that say how much is done; make fleet sets them.
const (
	// timesVariable is how often each test of the acceptance runs. Without it they are
	// skipped, and one of them runs once.
	timesVariable = "GATEHOUSE_FLEET_TIMES"
	// callsVariable is how many calls there are at least while gateways are restarted and
	// configurations are applied.
	callsVariable = "GATEHOUSE_FLEET_CALLS"
	// appliesVariable is how many configurations are applied under load.
	appliesVariable = "GATEHOUSE_FLEET_APPLIES"
	// stepsVariable is how often a gateway joins and leaves.
	stepsVariable = "GATEHOUSE_FLEET_STEPS"
	// idleVariable is for how many seconds nothing is done to many servers.
	idleVariable = "GATEHOUSE_FLEET_IDLE"
)

// wanted returns the number that a variable has, or another one if it is not set.
func wanted(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q, want a number", variable, text)
	}
	return n
}

const (
	// callers are those of a load at each gateway, and pause is how long each waits.
	callers = 2
	pause   = 15 * time.Millisecond
	// patience is how long the last calls of a load may take: as long as they may wait for a
	// server, and more.
	patience = 45 * time.Second
	// steady is the TTL of leases among all other tests: a machine that is busy with those
	// must not end one of a gateway that nobody harms.
	steady = 6 * time.Second
)

// slack is what a busy machine may add to the time that something takes. Among all other
// tests only the order of things counts.
func slack() time.Duration {
	if os.Getenv(timesVariable) == "" {
		return testkit.Patience
	}
	return 3 * time.Second
}

// repeated runs a test of the acceptance as often as was asked for.
func repeated(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	times := wanted(t, timesVariable, 0)
	if times == 0 {
		t.Skipf("skipped: %s is not set; run make fleet", timesVariable)
	}
	for i := range times {
		if !t.Run(strconv.Itoa(i+1), test) {
			return
		}
	}
}

// trial is one harm that is done to a fleet while agents call it.
type trial struct {
	*kit.Fleet
	t    *testing.T
	load *kit.Load
	// owner is the gateway that has the first server, and harm is done to; owned are all
	// servers that it had before, and others all other gateways.
	owner  *kit.Node
	owned  []string
	others []*kit.Node
	copies int       // processes of servers before the harm
	at     time.Time // when the harm was done
}

// begin starts a fleet and its load, and waits until a call of each server has been
// answered through each gateway.
func begin(t *testing.T, o kit.Options) *trial {
	t.Helper()
	if wanted(t, timesVariable, 0) == 0 {
		o.TTL = max(o.TTL, steady)
	}
	x := &trial{Fleet: kit.Start(t, o), t: t}
	if wanted(t, callsVariable, 0) > 0 {
		x.load = x.Load(3*callers, pause/8)
	} else {
		x.load = x.Load(callers, pause)
	}
	for _, s := range x.Servers() {
		for _, n := range x.Nodes {
			x.load.AwaitAnswer(t, s, []*kit.Node{n}, time.Time{})
		}
	}
	x.owner = x.AwaitOwner(kit.Server(0))
	x.owned, x.others, x.copies = x.Owned(x.owner), x.Others(x.owner), started(x.Fleet)
	return x
}

// harm does harm, and notes when.
func (x *trial) harm(do func()) {
	x.at = time.Now()
	do()
}

// last lets a state or a harm last for some time.
func last(d time.Duration) { <-time.After(d) }

// elsewhere waits until the servers of the owner answer through the others, and checks
// that it did not take longer after the harm than it may.
func (x *trial) elsewhere(most time.Duration) {
	x.t.Helper()
	x.answers(x.owned, x.others, most)
}

// moved waits until the servers of the owner, which goes on for a while, run at others
// and answer through them, and checks that it did not take longer than it may.
func (x *trial) moved(most time.Duration) {
	x.t.Helper()
	for _, s := range x.owned {
		testkit.Eventually(x.t, s+" has moved", func() bool { o := x.Owner(s); return o != nil && o != x.owner })
	}
	now := time.Now()
	for _, s := range x.owned {
		x.load.AwaitAnswer(x.t, s, x.others, now)
	}
	x.within(strconv.Itoa(len(x.owned))+" servers had moved and answered", time.Since(x.at), most)
}

// answers waits until servers answer through some gateways, and checks that it did not
// take longer after the harm than it may.
func (x *trial) answers(servers []string, nodes []*kit.Node, most time.Duration) {
	x.t.Helper()
	var longest time.Duration
	for _, s := range servers {
		longest = max(longest, x.load.AwaitAnswer(x.t, s, nodes, x.at))
	}
	x.within(strconv.Itoa(len(servers))+" servers answered", longest, most)
}

// within prints how long after the harm something was, and checks that it was in time.
func (x *trial) within(what string, took, most time.Duration) {
	x.t.Helper()
	x.t.Logf("figure: %s after %v (at most %v)", what, took.Round(time.Millisecond), most)
	if took > most+slack() {
		x.t.Errorf("%s after %v, want %v at most", what, took, most)
	}
}

// eventually waits until something is true, and checks that it was so in time.
func (x *trial) eventually(what string, most time.Duration, ask func() bool) {
	x.t.Helper()
	testkit.Eventually(x.t, what, ask)
	x.within(what, time.Since(x.at), most)
}

// judged ends the load and judges the calls through some gateways; through all if none is
// named.
func (x *trial) judged(nodes ...*kit.Node) kit.Judged {
	x.t.Helper()
	if len(nodes) == 0 {
		nodes = x.Nodes
	}
	j := x.Judge(x.t, kit.Through(x.load.End(patience), nodes...))
	x.t.Logf("figure: %v", j)
	return j
}

// onlyWritten checks that no call through some gateways failed but those that had been
// written when the harm was done, and that these say so.
func (x *trial) onlyWritten(nodes ...*kit.Node) kit.Judged {
	x.t.Helper()
	j := x.judged(nodes...)
	if j.Failed != j.MayHaveRun || j.Failed != j.ByCode["SERVER_CRASHED"] {
		x.t.Errorf("%d calls failed and %d of them may have run, want that no other failed, and all as SERVER_CRASHED: %v", j.Failed, j.MayHaveRun, j.Examples)
	}
	return j
}

// noneFailed checks that no call through some gateways failed.
func (x *trial) noneFailed(nodes ...*kit.Node) kit.Judged {
	x.t.Helper()
	j := x.judged(nodes...)
	if j.Failed > 0 {
		x.t.Errorf("%d calls failed, want none: %v", j.Failed, j.Examples)
	}
	return j
}

// nothingMoved checks that no server was started since the harm.
func (x *trial) nothingMoved() {
	x.t.Helper()
	if n := started(x.Fleet); n != x.copies {
		x.t.Errorf("%d processes of servers were started, want none: %v", n-x.copies, x.Eye.Copies())
	}
}

// movedAtMost checks how often servers were started since the harm.
func (x *trial) movedAtMost(most int) {
	x.t.Helper()
	moved := 0
	for _, c := range x.Eye.Copies() {
		moved = max(moved, len(c)-1)
	}
	x.t.Logf("figure: a server moved %d times at most", moved)
	if moved > most {
		x.t.Errorf("a server moved %d times, want %d at most: %v", moved, most, x.Eye.Copies())
	}
}

// started is how many processes of servers there have been.
func started(f *kit.Fleet) (n int) {
	for _, c := range f.Eye.Copies() {
		n += len(c)
	}
	return n
}

// answered calls a server once through a gateway and checks that it answers.
func answered(t *testing.T, f *kit.Fleet, n *kit.Node, server, id string) *kit.Called {
	t.Helper()
	c := f.CallOnce(n, server, id)
	if c.Code != "" {
		t.Errorf("%s: %s: got %s: %s, want an answer", n.ID, server, c.Code, c.Message)
	}
	return c
}
