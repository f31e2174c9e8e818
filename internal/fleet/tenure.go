package fleet

import "time"

// Instant is a moment by a clock that counts on while the machine sleeps and that
// nobody sets: nanoseconds since the machine was started. Instants of two machines
// have nothing to do with each other.
type Instant int64

// Add returns the moment d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns how long before i the moment j was.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Tenure is until when a node may act on what it owns. Its zero value is none.
//
// Each renewal counts from the moment of its sending, so a tenure ends before the
// lease it stands for can: the node stops by itself at 0.8 of what was granted, its
// guard ends what still runs at 0.9, the store forgets the lease at 1 or later.
// A tenure that was late once, or lost, is over for good, whatever the store says
// afterwards: a new one needs a new lease.
type Tenure struct {
	sent    Instant // when the latest renewal that succeeded was sent
	granted time.Duration
	over    bool
}

// The parts of what was granted after which something happens.
const (
	renewAfter = 0.25
	stopAfter  = 0.8
	guardAfter = 0.9
)

// NewTenure returns the tenure of a lease that was asked for at sent and is granted
// for so long. It is over if that has been too long ago already.
func NewTenure(sent, now Instant, granted time.Duration) Tenure {
	return Tenure{sent: sent, granted: granted}.At(now)
}

// At returns the tenure as it is now: over, if it is too late for it.
func (t Tenure) At(now Instant) Tenure {
	t.over = t.over || now >= t.Stop()
	return t
}

// Renewed returns the tenure after a renewal that was sent at that moment and whose
// success is known now. What is over stays so.
func (t Tenure) Renewed(sent, now Instant) Tenure {
	t = t.At(now)
	if !t.over {
		t.sent = max(t.sent, sent) // Answers may overtake each other.
	}
	return t
}

// Lost returns the tenure after the store has said that its lease is gone.
func (t Tenure) Lost() Tenure {
	t.over = true
	return t
}

// Holds reports whether the node may act on what it owns.
func (t Tenure) Holds(now Instant) bool { return !t.At(now).over }

// Stop returns when the node stops by itself what runs by this tenure.
func (t Tenure) Stop() Instant { return t.after(stopAfter) }

// Guard returns when the guard ends what runs by this tenure.
func (t Tenure) Guard() Instant { return t.after(guardAfter) }

// NextRenewal returns when the next renewal is due, while all is well.
func (t Tenure) NextRenewal() Instant { return t.after(renewAfter) }

// Left returns how long the node may still act, and 0 if it may not.
func (t Tenure) Left(now Instant) time.Duration {
	if !t.Holds(now) {
		return 0
	}
	return t.Stop().Sub(now)
}

// Try returns how long one try of a renewal may take before another member of the
// store is asked.
func (t Tenure) Try() time.Duration { return t.granted / 8 }

// Act is what a tenure asks of its node.
type Act int

// What a node has to do about its tenure.
const (
	Wait      Act = iota // until the moment that Next returns
	RenewNow             // send a renewal, unless one is under way
	StopOwned            // end what runs by this tenure, then revoke its lease
)

// Next returns what there is to do now and, for Wait, when to ask again.
func (t Tenure) Next(now Instant) (Act, Instant) {
	switch {
	case !t.Holds(now):
		return StopOwned, 0
	case now >= t.NextRenewal():
		return RenewNow, t.Stop()
	default:
		return Wait, t.NextRenewal()
	}
}

func (t Tenure) after(part float64) Instant {
	return t.sent.Add(time.Duration(part * float64(t.granted)))
}
