package endpoint

import "slices"

// State is the state of a server as users see it.
type State string

// The states of a server. A server that was never to be started keeps one of the
// last three for the life of its cell; one that only this gateway of its fleet cannot
// start leaves Misconfigured once another one can.
const (
	Idle          State = "idle"
	Starting      State = "starting"
	Ready         State = "ready"
	BackingOff    State = "backing-off"
	Quarantined   State = "quarantined"
	NeedsAuth     State = "needs-auth"
	Draining      State = "draining"
	Stopped       State = "stopped"
	Misconfigured State = "misconfigured"
	Disabled      State = "disabled"
	Held          State = "held"
)

// Fact is something that has happened to a server and may change its state.
type Fact string

// The facts. The server's actor reports those up to Parked, the supervisor the
// others; the stand-in for a server that runs elsewhere repeats what it hears. Life
// says what each means.
const (
	Begun   Fact = "begun"
	Opened  Fact = "opened"
	Crashed Fact = "crashed"
	Refused Fact = "refused"
	Slept   Fact = "slept"
	Stayed  Fact = "stayed"
	Parked  Fact = "parked"
	Retried Fact = "retried"
	GivenUp Fact = "given-up"
	Moved   Fact = "moved"
	Barred  Fact = "barred"
	Removed Fact = "removed"
	Ended   Fact = "ended"
)

// Step is a row of the table of a server's life: in any state of From, Fact
// leads to To.
type Step struct {
	Fact Fact
	What string // what has happened
	From []State
	To   State
}

// alive are the states of a server that has an actor and is not draining.
var alive = []State{Idle, Starting, Ready, BackingOff, Quarantined, NeedsAuth}

// life is the whole table, with one row for each fact. A fact without a row for
// the present state comes too late to matter and changes nothing.
// docs/ARCHITECTURE.md shows it.
var life = []Step{
	// A server that waits for no call is starting from when its cell is made.
	{Begun, "a run has begun", []State{Idle, Starting, BackingOff, Quarantined, NeedsAuth}, Starting},
	{Opened, "the run has opened its session", []State{Starting}, Ready},
	// An idle server can crash while its run is being ended.
	{Crashed, "the run has ended by itself; the supervisor is about to decide", []State{Idle, Starting, Ready}, BackingOff},
	{Refused, "the run has ended, as a url server refused the credentials", []State{Idle, Starting, Ready}, NeedsAuth},
	{Slept, "nobody has called for long enough, so the run is being ended", []State{Ready}, Idle},
	{Stayed, "a call came at the moment of `slept`, so the run goes on", []State{Idle}, Ready},
	{Parked, "the actor of a lazy server has started and waits for a call", []State{Idle, Starting, BackingOff, Quarantined}, Idle},
	// An actor that panics because of a bug has not reported Crashed before.
	{Retried, "the supervisor will start another run after a delay", alive, BackingOff},
	{GivenUp, "the supervisor will only probe from now on", alive, Quarantined},
	{Moved, "another gateway of the fleet runs it, or is about to", append(slices.Clone(alive), Misconfigured), Starting},
	{Barred, "this gateway cannot start it, and no other of the fleet can", alive, Misconfigured},
	{Removed, "the entry was changed or removed, or the gateway shuts down", alive, Draining},
	{Ended, "the actor has ended", append(slices.Clone(alive), Draining), Stopped},
}

// Life returns the table of a server's life, for showing it. The caller must
// not write to it.
func Life() []Step { return life }

// States returns every state, each once, in the order of a server's life.
func States() []State {
	return []State{Idle, Starting, Ready, BackingOff, Quarantined, NeedsAuth, Draining, Stopped, Misconfigured, Disabled, Held}
}

// Next returns the state that follows from a fact; false if the table has no
// such step.
func Next(from State, fact Fact) (to State, ok bool) {
	for _, s := range life {
		if s.Fact == fact && slices.Contains(s.From, from) {
			return s.To, true
		}
	}
	return "", false
}
