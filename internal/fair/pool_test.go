package fair_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gatehouse/internal/fair"
)

// asker asks one pool, at a time that the test moves.
type asker struct {
	fair.Pool

	t      *testing.T
	places int
	now    time.Time
}

func newAsker(t *testing.T, places int) *asker {
	return &asker{t: t, places: places, now: time.Unix(1e9, 0)}
}

func who(name string) fair.Owner { return fair.Owner{Who: name} }

func (a *asker) ask(o fair.Owner) (*fair.Wait, fair.Verdict) { return a.Enter(o, a.places, a.now) }

func (a *asker) want(o fair.Owner, want fair.Verdict) *fair.Wait {
	a.t.Helper()
	w, got := a.ask(o)
	if got != want {
		a.t.Fatalf("%+v asks for one of %d places with %d taken: got %v, want %v", o, a.places, a.Used(), got, want)
	}
	return w
}

// fill has an owner ask until it gets no more, even after a while in which others
// still count as asking, and returns how many it got.
func (a *asker) fill(o fair.Owner) (n int) {
	n = a.fillNow(o)
	a.now = a.now.Add(900 * time.Millisecond)
	return n + a.fillNow(o)
}

func (a *asker) fillNow(o fair.Owner) (n int) {
	for {
		w, v := a.ask(o)
		if v != fair.Granted {
			if w != nil {
				w.Leave(a.now)
			}
			return n
		}
		n++
	}
}

func TestPool_anOwnerThatIsAlone_getsAllOfFewAndMostOfMany(t *testing.T) {
	for places, want := range map[int]int{1: 1, 2: 2, 16: 16, 63: 63, 64: 56, 1000: 875, 2048: 1792} {
		if got := newAsker(t, places).fill(who("a")); got != want {
			t.Errorf("of %d places: got %d, want %d", places, got, want)
		}
	}
}

func TestPool_whileOthersAsk_getsAnEighthOfMany(t *testing.T) {
	for places, want := range map[int]int{1: 1, 2: 1, 4: 3, 8: 7, 16: 8, 64: 8, 1000: 125} {
		a := newAsker(t, places)
		a.want(who("b"), fair.Granted)
		a.Leave(who("b"), a.now)
		if got := a.fill(who("a")); got != want {
			t.Errorf("of %d places: got %d, want %d", places, got, want)
		}
	}
}

// An owner that takes all it gets and never lets go leaves something for each
// of the next ones.
func TestPool_afterAHog_othersGetTheirShare(t *testing.T) {
	a := newAsker(t, 1000)
	a.fill(who("hog"))
	if got := a.fill(who("b")); got != 125 {
		t.Errorf("the second owner: got %d places, want 125", got)
	}
	a = newAsker(t, 16)
	a.want(who("b"), fair.Granted)
	a.Leave(who("b"), a.now)
	a.now = a.now.Add(time.Minute)
	if got := a.fill(who("hog")); got != 14 {
		t.Errorf("with one that may come back: got %d places, want 14", got)
	}
	a.want(who("b"), fair.Granted)
}

func TestPool_whoHoldsLittle_goesBeforeTheQueueOfWhoHoldsMuch(t *testing.T) {
	a := newAsker(t, 4)
	for range 4 {
		a.want(who("a"), fair.Granted)
	}
	a.want(who("a"), fair.Full) // Nobody holds more.
	b1 := a.want(who("b"), fair.Waiting)
	b2 := a.want(who("b"), fair.Waiting)
	c := a.want(who("c"), fair.Waiting)
	a.Leave(who("a"), a.now)
	if b1.Verdict() != fair.Granted {
		t.Error("the first that waits: got no place, want it")
	}
	a.Leave(who("a"), a.now)
	if c.Verdict() != fair.Granted || b2.Verdict() != fair.Waiting {
		t.Errorf("got %v for the one with none and %v for the second of another, want the first granted", c.Verdict(), b2.Verdict())
	}
	b2.Leave(a.now)
	if got := a.Queued(); got != 0 {
		t.Errorf("after all waits have ended: got %d in the queue, want 0", got)
	}
}

func TestPool_oneThatWaitedForOthers_getsMoreOnceTheyAreQuiet(t *testing.T) {
	a := newAsker(t, 64)
	a.want(who("b"), fair.Granted)
	if got := a.fill(who("a")); got != 8 {
		t.Fatalf("got %d places, want 8", got)
	}
	w := a.want(who("a"), fair.Waiting)
	w.Look(a.now)
	if w.Verdict() != fair.Waiting {
		t.Fatal("granted while the other asks, want it to wait")
	}
	a.now = a.now.Add(2 * time.Second)
	w.Look(a.now)
	if w.Verdict() != fair.Granted {
		t.Error("not granted though nobody else has asked for 2 s, want it granted")
	}
}

func TestPool_isWanted_whileOthersAsk(t *testing.T) {
	a := newAsker(t, 4)
	a.want(who("a"), fair.Granted)
	if a.Wanted(who("a"), a.now) {
		t.Error("wanted by nobody, got true, want false")
	}
	a.want(who("b"), fair.Granted)
	if !a.Wanted(who("a"), a.now) {
		t.Error("wanted by another one, got false, want true")
	}
	a.now = a.now.Add(2 * time.Second)
	if a.Wanted(who("a"), a.now) {
		t.Error("2 s after the other one has asked, got true, want false")
	}
}

// An unpinned caller has one share by its address and one by its name.
func TestPool_bothNamesCount(t *testing.T) {
	a := newAsker(t, 64)
	a.fill(fair.Owner{Who: "10.0.0.1", Name: "a"})
	a.want(fair.Owner{Who: "10.0.0.2", Name: "a"}, fair.Waiting).Leave(a.now) // The same name.
	a.want(fair.Owner{Who: "10.0.0.1", Name: "b"}, fair.Waiting).Leave(a.now) // The same address.
	a.want(fair.Owner{Who: "10.0.0.2", Name: "b"}, fair.Granted)
}

func TestPool_ofOneAddress_whoseNameHoldsLittleGoesFirst(t *testing.T) {
	a := newAsker(t, 2)
	hog, other := fair.Owner{Who: "127.0.0.1", Name: "a"}, fair.Owner{Who: "127.0.0.1", Name: "b"}
	a.want(hog, fair.Granted)
	a.want(hog, fair.Granted)
	w := a.want(other, fair.Waiting)
	a.Leave(hog, a.now)
	if got := w.Verdict(); got != fair.Granted {
		t.Errorf("got %v, want the place that has become free", got)
	}
}

// What the calls of an owner cost is not known before the first are answered.
func TestPool_whileOthersAsk_beginsWithAFewCalls(t *testing.T) {
	a := newAsker(t, 1000)
	a.want(who("b"), fair.Granted)
	for i, want := range []int{16, 10, 10} {
		if got := a.fillNow(who("a")); got != want {
			t.Errorf("after %d answers: got %d more, want %d", 5*i, got, want)
		}
		for range 5 { // Each leaves room for another one and for one more.
			a.Leave(who("a"), a.now)
		}
	}
	a.now = a.now.Add(time.Second)
	if got := a.fillNow(who("a")); got < 500 {
		t.Errorf("once nobody else asks: got %d more, want as many as it likes", got)
	}
}

// Whoever makes much work waits while others ask, and nobody else does.
func TestPool_whoMakesMuchWork_waitsWhileOthersAsk(t *testing.T) {
	a := newAsker(t, 1000)
	a.want(who("b"), fair.Granted)
	a.Burden(who("hog"), 200*time.Millisecond, a.now)
	a.want(who("hog"), fair.Granted) // That much may be made at once.
	a.want(who("hog"), fair.Waiting).Leave(a.now)
	a.Burden(who("hog"), 200*time.Millisecond, a.now)
	a.Leave(who("hog"), a.now)
	if got, want := a.Overdrawn(who("hog"), a.now), 3*time.Second; got != want {
		t.Errorf("after 150 ms too much: got %v to wait, want %v", got, want)
	}
	wait := a.want(who("hog"), fair.Waiting)
	a.want(who("b"), fair.Granted)
	for range 31 {
		a.now = a.now.Add(100 * time.Millisecond)
		if wait.Look(a.now); wait.Verdict() != fair.Waiting && a.now.Before(time.Unix(1e9+3, 0)) {
			t.Fatalf("the hog was let in at %v, want 3 s later at least", a.now)
		}
		a.want(who("b"), fair.Granted)
	}
	if got := wait.Verdict(); got != fair.Granted {
		t.Errorf("3 s later: got %v, want a place", got)
	}
}

func TestPool_whoMakesMuchWork_alone_doesNotWait(t *testing.T) {
	a := newAsker(t, 1000)
	a.want(who("b"), fair.Granted)
	a.Burden(who("hog"), time.Minute, a.now)
	wait := a.want(who("hog"), fair.Waiting)
	a.now = a.now.Add(time.Second)
	wait.Look(a.now)
	if got := wait.Verdict(); got != fair.Granted {
		t.Errorf("once nobody else has asked for a second: got %v, want a place", got)
	}
	if got := a.Overdrawn(who("hog"), a.now); got != 0 {
		t.Errorf("and then: got %v to wait, want none", got)
	}
}

// What is given up goes on where it runs.
func TestPool_whoGivesUpLargeCalls_paysForThem(t *testing.T) {
	a := newAsker(t, 1000)
	a.want(who("b"), fair.Granted)
	a.Abandon(who("hog"), a.now) // Nothing is known of it.
	a.Burden(who("hog"), 100*time.Millisecond, a.now)
	for range 3 {
		a.want(who("b"), fair.Granted)
		a.Abandon(who("hog"), a.now)
	}
	a.want(who("hog"), fair.Waiting)
}

func TestPool_closed_refusesEverybody(t *testing.T) {
	a := newAsker(t, 1)
	a.want(who("a"), fair.Granted)
	w := a.want(who("b"), fair.Waiting)
	if got := a.Close(); got != 1 {
		t.Errorf("got %d places taken, want 1", got)
	}
	<-w.Done()
	if got := w.Verdict(); got != fair.Closed {
		t.Errorf("who waits: got %v, want closed", got)
	}
	w.Leave(a.now)
	a.want(who("c"), fair.Closed)
	a.Leave(who("a"), a.now)
	if got := a.Used(); got != 0 {
		t.Errorf("after the last one has left: got %d places taken, want 0", got)
	}
}

func TestPool_queuesAreBounded(t *testing.T) {
	a := newAsker(t, 16)
	for a.fill(who("hog")) > 0 {
	}
	for i := range 1000 {
		a.ask(who(fmt.Sprint("owner", i%100)))
	}
	if got := a.Queued(); got > 16 {
		t.Errorf("got %d in the queues, want at most 16", got)
	}
}

// Whatever happens, no more places are taken than there are, nobody waits for
// a place that it could have, and all comes back.
func TestPool_anyOrder_keepsItsCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		a := newAsker(t, 1+rng.IntN(70))
		held, waits := []fair.Owner{}, []*fair.Wait{}
		owners := map[*fair.Wait]fair.Owner{}
		settle := func() {
			for i := 0; i < len(waits); i++ {
				if w := waits[i]; w.Verdict() == fair.Granted {
					held = append(held, owners[w])
					waits = append(waits[:i], waits[i+1:]...)
					i--
				}
			}
		}
		for range 300 {
			a.now = a.now.Add(time.Duration(rng.IntN(300)) * time.Millisecond)
			o := fair.Owner{Who: fmt.Sprint(rng.IntN(4)), Name: []string{"", "x", "y"}[rng.IntN(3)]}
			switch n := rng.IntN(10); {
			case n < 6:
				switch w, v := a.ask(o); v {
				case fair.Granted:
					held = append(held, o)
				case fair.Waiting:
					waits, owners[w] = append(waits, w), o
				case fair.Closed, fair.Full:
				}
			case n < 9 && len(held) > 0:
				i := rng.IntN(len(held))
				a.Leave(held[i], a.now)
				held = append(held[:i], held[i+1:]...)
			case len(waits) > 0:
				i := rng.IntN(len(waits))
				waits[i].Leave(a.now)
				waits = append(waits[:i], waits[i+1:]...)
			}
			settle()
			if a.Used() != len(held) || a.Used() > a.places || a.Queued() != len(waits) {
				t.Fatalf("got %d of %d taken and %d waiting, want %d and %d", a.Used(), a.places, a.Queued(), len(held), len(waits))
			}
			if len(held) == 0 && len(waits) > 0 {
				t.Fatalf("%d wait though all is free", len(waits))
			}
		}
	}
}

func BenchmarkPool_enterAndLeave(b *testing.B) {
	var p fair.Pool
	now, o := time.Now(), fair.Owner{Who: "token-of-an-agent", Name: "backend"}
	for b.Loop() {
		p.Enter(o, 1000, now)
		p.Leave(o, now)
	}
}
