package server

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/telling"
)

// lastWordsWait is how long a server that no longer reads may go on to write.
const lastWordsWait = 250 * time.Millisecond

// maxJunkTail is how many lines of junk are kept; servers.OpenStdio limits
// their length.
const maxJunkTail = 20

// junkTail keeps the last lines of a server's stdout that are not messages:
// some servers say there why they end.
type junkTail struct {
	next  func(line string)
	ended chan struct{} // nothing more will come

	mu    sync.Mutex
	lines []string
}

func newJunkTail(next func(line string)) *junkTail {
	return &junkTail{next: next, ended: make(chan struct{})}
}

func (j *junkTail) end() { close(j.ended) }

// await waits for the rest of what a server writes that no longer reads: that
// is mostly one that is about to end, and says why.
func (j *junkTail) await(cause error) {
	if !errors.Is(cause, servers.ErrInputClosed) {
		return
	}
	timer := time.NewTimer(lastWordsWait)
	defer timer.Stop()
	select {
	case <-j.ended:
	case <-timer.C:
	}
}

func (j *junkTail) hear(line string) {
	j.mu.Lock()
	if len(j.lines) == maxJunkTail {
		j.lines = slices.Delete(j.lines, 0, 1)
	}
	j.lines = append(j.lines, line)
	j.mu.Unlock()
	j.next(line)
}

func (j *junkTail) tail() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// withWords adds what the server wrote last and, to the reason, the line of it
// that says best why the server ended.
func (s *processSession) withWords(exit endpoint.Exit) *endpoint.Exit {
	exit.Stderr = s.proc.StderrTail()
	if said := s.said(exit.Stderr, exit.Phase == endpoint.Serving); !strings.Contains(exit.Reason, said) {
		exit.Said = said
		exit.Reason += ": " + said
	}
	return &exit
}

// said is the last telling line of stderr, or else of the junk. Much of what a
// working server writes has nothing to do with its end.
func (s *processSession) said(stderr []string, worked bool) string {
	line := telling.Line(stderr, worked)
	if line == "" {
		line = telling.Line(s.junk.tail(), worked)
	}
	return s.redact(line)
}
