package agents

import "errors"

// lightMessage is the size in bytes up to which a message weighs nothing: their
// number is limited, and so are they all together.
const lightMessage = 32 << 10

// errHeavy refuses a large message while others fill the budget.
var errHeavy = errors.New("too many large messages are being served")

// weight is what one large message takes of the bytes that all messages of all
// clients may have together. Small ones, whose number is limited, weigh
// nothing.
type weight struct {
	work  *work
	bytes int
}

// grow takes what a message of that size needs beyond what it has, or says that
// it is not to be had.
func (g *weight) grow(size int) error {
	if size <= lightMessage || size <= g.bytes {
		return nil
	}
	g.work.mu.Lock()
	defer g.work.mu.Unlock()
	more := size - g.bytes
	if g.work.bytes+more > g.work.maxBytes {
		return errHeavy
	}
	g.work.bytes += more
	g.bytes = size
	return nil
}

// release gives everything back.
func (g *weight) release() {
	if g.bytes == 0 {
		return
	}
	g.work.mu.Lock()
	defer g.work.mu.Unlock()
	g.work.bytes -= g.bytes
	g.bytes = 0
}
