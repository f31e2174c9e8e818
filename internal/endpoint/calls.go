package endpoint

import "slices"

// Call is who asked for what, as far as an operator may see it.
type Call struct {
	ID    string `json:"call_id"`
	Agent string `json:"agent"`
	Tool  string `json:"tool"`
}

// The limits of Calls.
const (
	// MaxCalls is how many calls are named.
	MaxCalls = 20
	// maxTools is how many different tools are named.
	maxTools = 200
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
}

// Add adds a call that began later than those before it.
func (c *Calls) Add(call Call) {
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
