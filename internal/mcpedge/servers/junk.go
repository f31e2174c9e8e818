package servers

import (
	"bytes"
	"time"

	"gatehouse/internal/textcut"
)

// maxJunkShown is how much of a junk line its owner gets to see, in bytes.
const maxJunkShown = 200

// maxJunkRedacted is how much of a junk line is redacted before the cut: a
// secret that the cut went through could not be found any more.
const maxJunkRedacted = 64 << 10

// In each junkSpan so much junk is read and no more: a server that floods its
// stdout then waits for us, instead of taking the processor from all others.
// Its own answers wait as well, for a junkSpan at most each.
const (
	junkSpan     = 50 * time.Millisecond
	maxJunkLines = 1000
	maxJunkBytes = 128 << 10
)

// junkPace counts the junk of the present span.
type junkPace struct {
	began        time.Time
	lines, bytes int
}

// junk shows a line that is no message to the owner, and waits if there have
// been too many.
func (s *Stdio) junk(data []byte) {
	text := string(bytes.ToValidUTF8(data[:textcut.End(data, maxJunkRedacted)], []byte("?")))
	s.opts.OnJunk(textcut.To(s.opts.Redact(text), maxJunkShown))
	now, pace := time.Now(), &s.pace
	if now.Sub(pace.began) >= junkSpan {
		*pace = junkPace{began: now}
	}
	pace.lines++
	pace.bytes += len(data)
	if pace.lines < maxJunkLines && pace.bytes < maxJunkBytes {
		return
	}
	pause := time.NewTimer(junkSpan - now.Sub(pace.began))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-s.ended:
	}
}
