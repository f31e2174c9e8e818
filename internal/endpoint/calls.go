package endpoint

import (
	"slices"
	"time"
)

// Call is who asked for what, as far as an operator may see it.
type Call struct {
	ID    string `json:"call_id"`
	Agent string `json:"agent"`
	Tool  string `json:"tool"`
	// Origin is what the call came from, whatever agent it names: a credential or
	// an address. It is empty where all calls come from one place.
	Origin string `json:"-"`
}

// Caller is who calls: an agent, and what its calls come from.
type Caller struct{ Origin, Agent string }

// Caller is who made the call.
func (c Call) Caller() Caller { return Caller{c.Origin, c.Agent} }

// The limits of Calls.
const (
	// MaxCalls is how many calls are named.
	MaxCalls = 20
	// maxTools is how many different tools are named.
	maxTools = 200
	// maxRan is how many different callers and tools are named.
	maxRan = 256
)

// Calls are the calls that a server was running at one moment. The zero value
// has none.
type Calls struct {
	// First are the oldest ones, at most MaxCalls.
	First []Call
	// More is how many there were besides.
	More int
	// Tools are the tools of them all, each once, in no order.
	Tools []string
	// Ran are one call of each caller and tool that may have been running, also
	// of calls that were given up shortly before.
	Ran []Call
	// Before is the last call that was answered before that moment, and BeforeAt
	// when; without an ID if there was none. BeforeOnce means that its caller made
	// no other of the few calls before it.
	Before     Call
	BeforeAt   time.Time
	BeforeOnce bool
}

// AddGone adds a call that was given up, and that may have been running all the
// same.
func (c *Calls) AddGone(call Call) {
	same := func(other Call) bool { return other.Caller() == call.Caller() && other.Tool == call.Tool }
	if len(c.Ran) < maxRan && !slices.ContainsFunc(c.Ran, same) {
		c.Ran = append(c.Ran, call)
	}
}

// Add adds a call that began later than those before it.
func (c *Calls) Add(call Call) {
	c.AddGone(call)
	if len(c.First) < MaxCalls {
		c.First = append(c.First, call)
	} else {
		c.More++
	}
	if len(c.Tools) < maxTools && !slices.Contains(c.Tools, call.Tool) {
		c.Tools = append(c.Tools, call.Tool)
	}
}

// Len is how many calls there were.
func (c Calls) Len() int { return len(c.First) + c.More }

// Admitted is how many calls have ever been counted in.
func (c *Cell) Admitted() uint64 { return c.admitted.Load() }

// NoteOverdue says that a call which had been written has reached its
// deadline without an answer.
func (c *Cell) NoteOverdue() { c.overdue.Add(1) }

// Overdue is how many calls have reached their deadline without an answer.
func (c *Cell) Overdue() uint64 { return c.overdue.Load() }

// Suspects are the tools that ran at two or more crashes of the server, in
// order. The caller must not write to the list. It does not block.
func (c *Cell) Suspects() []string {
	if list := c.suspects.Load(); list != nil {
		return *list
	}
	return nil
}

// PublishSuspects replaces the list of suspects, which the cell owns from then
// on.
func (c *Cell) PublishSuspects(tools []string) { c.suspects.Store(&tools) }
