// Package restart decides what becomes of a server that failed: when it is
// started again, or that it is quarantined.
//
// It is pure. The supervisor feeds it one Failure after the other, together
// with the History that the last answer came with, and does what the Verdict
// says; time and randomness are arguments. A fresh server, an entry that was
// changed and a server that the operator released have the zero History.
//
// The rules:
//
//   - Delays double with each failure, from Initial up to Max, each with a
//     jitter of 20 % either way, and never exceed Max.
//   - More than MaxFailures failures within Window quarantine, and so do more
//     than MaxFailures tries in a row that never became ready, however long
//     they take.
//   - A command that cannot be started at all, and credentials that were
//     refused, quarantine at once.
//   - A quarantined server is probed every Quarantine. A failed probe leaves
//     it there, and so does a probe that gets ready but then fails before its
//     healthy spell is over.
//   - A server whose tries cost nothing is never quarantined, except for its
//     credentials. A call may bring its next try forward, though not to less than
//     Initial after the failure.
//   - What a caller is to blame for delays the next start as any failure does, and
//     never quarantines.
//   - Only a healthy spell, Window of being ready without a failure, makes the
//     past forgotten. So a server that dies every 20 s is not started again
//     after the first, short delay for ever.
package restart

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
)

// jitter is the part of a delay by which it may be shorter or longer.
const jitter = 0.2

// minDelay bounds every delay from below, so that no policy, however wrong,
// makes a loop without a pause.
const minDelay = time.Millisecond

// Policy says how a server is restarted.
type Policy struct {
	Initial     time.Duration // the delay after the first failure
	Max         time.Duration // the longest delay; below Initial it counts as Initial
	MaxFailures int           // more failures than this within Window quarantine
	Window      time.Duration
	Quarantine  time.Duration // between two probes of a quarantined server
}

// Failure is one end of a server that nobody asked for.
type Failure struct {
	At    time.Time
	Phase endpoint.Phase
	// ReadyFor is how long the run had been ready, 0 if it never was.
	ReadyFor time.Duration
	// Worked means that some run has become ready since the failure before.
	Worked bool
	// Free means that another try costs nothing but a request, or that it failed
	// for nothing that is the server's.
	Free bool
	// Blamed means that a caller who is kept from repeating it caused it.
	Blamed bool
	// Reason is why, in one line without secrets. It may be empty; it is only
	// passed on.
	Reason string
}

// Action is what is to be done. The zero value is not valid.
type Action string

// The actions.
const (
	// Restart starts the server again after the delay.
	Restart Action = "restart"
	// Quarantine refuses calls at once and probes after the delay.
	Quarantine Action = "quarantine"
)

// Verdict is the answer to one failure.
type Verdict struct {
	Action Action
	// Delay is the time until the next start, always above 0.
	Delay time.Duration
	// Wake is the time until a call may start it; Delay if calls play no part.
	Wake time.Duration
	// Reason says why, in words for the operator, without secrets.
	Reason string
	// Attempt counts the failures since the last healthy spell, this one
	// included: the next start is the Attempt-th restart in a row.
	Attempt int
}

// History is what Next remembers of a server. The zero value is a server that
// has not failed. Next never changes one that it was given.
type History struct {
	recent      []time.Time // failures within the window, at most MaxFailures+1
	attempts    int         // failures since the last healthy spell
	never       int         // tries since the last one that became ready
	quarantined bool
}

// Quarantined reports whether the last verdict was quarantine.
func (h History) Quarantined() bool { return h.quarantined }

// Forgive returns the history without the failures at these times: they turned
// out to be a caller's.
func (h History) Forgive(times []time.Time) History {
	if len(times) > 0 {
		h.recent = slices.DeleteFunc(slices.Clone(h.recent), func(t time.Time) bool { return slices.ContainsFunc(times, t.Equal) })
	}
	return h
}

// Next decides on one failure. rnd, from 0 up to 1, picks the jitter. The
// History goes with the next failure of the same server.
func Next(p Policy, h History, f Failure, rnd float64) (Verdict, History) {
	if p.healthy(f) {
		h = History{}
	}
	h = h.with(f, p)
	if reason := p.quarantineReason(h, f); reason != "" {
		h.quarantined = true
		delay := max(p.Quarantine, minDelay)
		return Verdict{Action: Quarantine, Delay: delay, Wake: delay, Reason: because(reason, f), Attempt: h.attempts}, h
	}
	v := Verdict{Action: Restart, Delay: p.delay(h.attempts, rnd), Attempt: h.attempts}
	v.Wake = v.Delay
	reason := fmt.Sprintf("failure %d of %d allowed within %s", len(h.recent), max(p.MaxFailures, 0), p.Window)
	if f.Free {
		v.Wake = min(v.Delay, max(p.Initial, minDelay))
		reason = fmt.Sprintf("failure %d in a row", h.attempts)
	}
	v.Reason = because(reason, f)
	return v, h
}

// healthy reports whether a healthy spell had gone before the failure.
func (p Policy) healthy(f Failure) bool {
	return p.Window > 0 && f.ReadyFor >= p.Window
}

// ready reports whether the run that failed had been ready.
func (f Failure) ready() bool { return f.Phase == endpoint.Serving || f.ReadyFor > 0 }

// with returns the history after f.
func (h History) with(f Failure, p Policy) History {
	recent := slices.DeleteFunc(slices.Clone(h.recent), func(t time.Time) bool {
		return f.At.Sub(t) >= p.Window
	})
	if !f.Blamed {
		recent = append(recent, f.At)
	}
	// One more than is allowed is enough to know; a policy that was made
	// stricter meanwhile only needs the newest ones.
	h.recent = recent[max(0, len(recent)-max(p.MaxFailures, 0)-1):]
	h.attempts++
	if f.Worked {
		h.never = 0
	}
	if f.ready() {
		h.never = 0
	} else {
		h.never++
	}
	return h
}

// quarantineReason says why f leads into quarantine; "" if it doesn't.
func (p Policy) quarantineReason(h History, f Failure) string {
	switch {
	case f.Phase == endpoint.Unauthorized:
		return "its credentials were refused"
	case f.Free, f.Blamed:
		return ""
	case f.Phase == endpoint.CannotStart:
		return "it cannot be started"
	case h.quarantined && f.ReadyFor > 0:
		return fmt.Sprintf("the probe got ready but failed after %s", f.ReadyFor.Round(time.Millisecond))
	case h.quarantined:
		return "the probe failed"
	case len(h.recent) > max(p.MaxFailures, 0):
		return fmt.Sprintf("%s within %s, %d allowed", plural.Of(len(h.recent), "failure"), p.Window, max(p.MaxFailures, 0))
	case h.never > max(p.MaxFailures, 0):
		return fmt.Sprintf("%s in a row never became ready, %d allowed", plural.Of(h.never, "try", "tries"), max(p.MaxFailures, 0))
	default:
		return ""
	}
}

// delay is the time until the restart that follows the given number of
// failures in a row.
func (p Policy) delay(attempts int, rnd float64) time.Duration {
	d := max(p.Initial, minDelay)
	limit := max(p.Max, d)
	for range attempts - 1 {
		if d > limit/2 {
			d = limit
			break
		}
		d *= 2
	}
	if !(rnd >= 0 && rnd <= 1) { // NaN too
		rnd = 0.5
	}
	// Compared as floats: beyond the limit the product may not fit a Duration.
	jittered := float64(d) * (1 - jitter + 2*jitter*rnd)
	if jittered >= float64(limit) {
		return limit
	}
	return max(time.Duration(jittered), minDelay)
}

func because(reason string, f Failure) string {
	if f.Reason == "" {
		return reason
	}
	return reason + ": " + f.Reason
}
