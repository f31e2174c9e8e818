package servers

import (
	"bytes"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/textcut"
)

// maxJunkShown is how much of a junk line its owner gets to see, in bytes.
const maxJunkShown = 200

// maxJunkRedacted is how much of a junk line is redacted before the cut: a
// secret that the cut went through could not be found any more.
const maxJunkRedacted = 64 << 10

// What it costs, in a core's time, to read what a server says unasked: see
// jsonrpc.Pace. Its own answers wait as well, when it floods.
const (
	costEmpty   = 500 * time.Nanosecond
	costMessage = 2500 * time.Nanosecond
	costChange  = 50 * time.Microsecond  // Somebody has to be told.
	costRequest = 25 * time.Microsecond  // It is answered,
	costPosted  = 250 * time.Microsecond // by an HTTP request of its own.
	costBytes   = 2 * time.Nanosecond
	costJunk    = 20 * time.Nanosecond // It is looked through for secrets, for a broken answer.
	floodBurst  = 2500 * time.Microsecond
)

// costOf is what a message costs that nobody waits for.
func costOf(m jsonrpc.Message, size int) time.Duration {
	cost := costMessage + time.Duration(size)*costBytes
	switch {
	case m.Kind() == jsonrpc.Request:
		cost += costRequest
	case m.Kind() == jsonrpc.Notification && (m.Name() == methodToolsChange || changedLists[m.Name()] != nil):
		cost += costChange
	}
	return cost
}

// junk shows a line that is no message to the owner.
func (s *Stdio) junk(data []byte) {
	text := string(bytes.ToValidUTF8(data[:textcut.End(data, maxJunkRedacted)], []byte("?")))
	s.opts.OnJunk(textcut.To(s.opts.Redact(text), maxJunkShown))
	s.cost += costMessage + time.Duration(len(data))*costJunk
}

// settleCost waits if too much has been said unasked.
func (s *Stdio) settleCost() {
	if s.cost == 0 {
		return
	}
	wait := s.pace.Spend(s.cost, floodBurst, time.Now())
	s.cost = 0
	if wait > 0 {
		pauseFor(wait, s.ended)
	}
}

// pauseFor waits, at most until done is closed.
func pauseFor(wait time.Duration, done <-chan struct{}) {
	pause := time.NewTimer(wait)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-done:
	}
}
