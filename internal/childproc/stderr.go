package childproc

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/plural"
	"gatehouse/internal/textcut"
)

const (
	// maxLine is the length in bytes at which a line of stderr is cut.
	maxLine = 8 << 10
	// redactSlack is how many bytes more of a line are taken in, so that a
	// secret that lies across the cut is recognised before it is cut.
	redactSlack = 4 << 10
	// tailLines is how many lines are kept.
	tailLines = 50
	// linesPerSecond is how many lines OnStderr hears in a second.
	linesPerSecond = 200
)

// stderr takes in the child's stderr, line by line.
type stderr struct {
	f      *os.File
	on     func(string)
	redact func(string) string
	ended  chan struct{} // read has returned
	cut    chan struct{} // cutOff was called
	cutOne sync.Once

	line []byte // the line so far, at most maxLine+redactSlack bytes
	skip bool   // the rest of a line that was too long is passed over
	rate rate

	mu    sync.Mutex // guards what follows
	lines [][]byte   // the last lines, a ring; not redacted
	next  int        // where in lines the next one goes
}

func newStderr(f *os.File, on func(string), redact func(string) string) *stderr {
	if redact == nil {
		redact = func(s string) string { return s }
	}
	return &stderr{f: f, on: on, redact: redact, ended: make(chan struct{}), cut: make(chan struct{})}
}

// read reads to the end of the pipe, or until cutOff.
func (s *stderr) read() {
	defer close(s.ended)
	buf := make([]byte, 32<<10)
	var speed pace
	for {
		n, err := s.f.Read(buf)
		s.take(buf[:n])
		if err != nil {
			break
		}
		speed.hold(n, s.cut)
	}
	s.finishLine()
	if n := s.rate.drain(); n > 0 && s.on != nil {
		s.on(leftOut(n))
	}
}

// cutOff ends read, unless it is inside OnStderr.
func (s *stderr) cutOff() {
	s.cutOne.Do(func() { close(s.cut) })
	closeAll(s.f)
}

// take takes in a piece of the stream.
func (s *stderr) take(data []byte) {
	for len(data) > 0 {
		piece, rest, found := bytes.Cut(data, []byte{'\n'})
		data = rest
		if !s.skip {
			room := maxLine + redactSlack - len(s.line)
			s.line = append(s.line, piece[:min(len(piece), room)]...)
			if len(piece) >= room {
				// The line is handed out now: its end may never come.
				s.finishLine()
				s.skip = true
			}
		}
		if found {
			s.finishLine()
			s.skip = false
		}
	}
}

// finishLine keeps and hands out the line so far, if there is one.
func (s *stderr) finishLine() {
	line := bytes.TrimRight(s.line, "\r\n\t ")
	s.line = s.line[:0]
	if len(line) == 0 {
		return
	}
	s.keep(line)
	if s.on == nil {
		return
	}
	ok, missed := s.rate.allow(time.Now())
	if missed > 0 {
		s.on(leftOut(missed))
	}
	if ok {
		s.on(s.show(line))
	}
}

// keep puts a copy of line into the ring, where it takes the memory of the
// oldest one.
func (s *stderr) keep(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) < tailLines {
		s.lines = append(s.lines, bytes.Clone(line))
		return
	}
	s.lines[s.next] = append(s.lines[s.next][:0], line...)
	s.next = (s.next + 1) % tailLines
}

func (s *stderr) tail() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, 0, len(s.lines))
	for i := range s.lines {
		out = append(out, s.show(s.lines[(s.next+i)%len(s.lines)]))
	}
	return out
}

// show returns what others may see of a line: valid UTF-8, redacted, cut.
func (s *stderr) show(line []byte) string {
	return textcut.Marked(s.redact(strings.ToValidUTF8(string(line), "\uFFFD")), maxLine)
}

func leftOut(n int) string { return "(" + plural.Of(n, "line") + " left out)" }

// rate lets linesPerSecond lines pass in each second and counts the others.
// Its zero value is ready.
type rate struct {
	from    time.Time
	passed  int
	refused int
}

// allow reports whether a line may pass now, and returns how many were refused
// since it last did so.
func (r *rate) allow(now time.Time) (ok bool, missed int) {
	if r.passed < linesPerSecond {
		if r.passed == 0 {
			r.from = now
		}
		r.passed++
		return true, 0
	}
	if now.Sub(r.from) >= time.Second {
		*r = rate{from: now, passed: 1, refused: r.refused}
		return true, r.drain()
	}
	r.refused++
	return false, 0
}

// drain returns how many lines were refused, and forgets them.
func (r *rate) drain() int {
	n := r.refused
	r.refused = 0
	return n
}
