package endpoint

import (
	"time"
)

// Block says that calls of a caller would end the server once more, and are
// refused until a time. An empty Tool means every tool; a Caller without an
// Agent means every agent that calls from its origin.
type Block struct {
	Caller

	Tool   string
	Until  time.Time
	Reason string // why the server ended, in one line without secrets
	// Crashes is how many ends of the server it explains.
	Crashes int
}

// covers reports whether the block is about a call.
func (b *Block) covers(call Call) bool {
	return b.Origin == call.Origin && (b.Agent == "" || b.Agent == call.Agent) && (b.Tool == "" || b.Tool == call.Tool)
}

// Guard keeps callers from ending a server. It is immutable.
type Guard struct {
	Blocks []Block
	// Suspects are origins: calls of one of them end the server, and it is not
	// known whose. Until TrialEnds their calls run one at a time.
	Suspects  map[string]bool
	TrialEnds time.Time

	turn     chan struct{}
	replaced chan struct{}
}

// Blocked returns the block that is about a call at that time, or nil. A nil
// Guard blocks nothing.
func (g *Guard) Blocked(call Call, now time.Time) *Block {
	if g == nil {
		return nil
	}
	for i := range g.Blocks {
		if b := &g.Blocks[i]; now.Before(b.Until) && b.covers(call) {
			return b
		}
	}
	return nil
}

// Turn returns the channel that a call of a suspect must send to before it is
// sent to the server, and receive from when it is over; nil if it may run beside
// others.
func (g *Guard) Turn(call Call, now time.Time) chan struct{} {
	if g == nil || !g.Suspects[call.Origin] || !now.Before(g.TrialEnds) {
		return nil
	}
	return g.turn
}

// Replaced is closed when the cell has another guard, or none.
func (g *Guard) Replaced() <-chan struct{} { return g.replaced }

// InForce returns the blocks that are in force at that time.
func (g *Guard) InForce(now time.Time) []Block {
	if g == nil {
		return nil
	}
	var list []Block
	for _, b := range g.Blocks {
		if now.Before(b.Until) {
			list = append(list, b)
		}
	}
	return list
}

// Guard is the cell's guard, nil if it needs none. It does not block.
func (c *Cell) Guard() *Guard { return c.guard.Load() }

// PublishGuard replaces the cell's guard; nil is none. The cell owns it from then
// on. Only the supervisor calls it.
func (c *Cell) PublishGuard(g *Guard) {
	if g != nil {
		g.turn, g.replaced = make(chan struct{}, 1), make(chan struct{})
	}
	if old := c.guard.Swap(g); old != nil {
		close(old.replaced)
	}
}
