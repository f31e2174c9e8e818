package attach

import (
	"bytes"
	"io"
)

const (
	// idleBuffer is what a source holds while nothing comes, in bytes.
	idleBuffer = 16 << 10
	// maxWhole is the longest line that is kept whole; the pieces of longer ones
	// are handed on as they come.
	maxWhole = 4 << 20
)

// source reads lines, and those beyond maxWhole in pieces.
type source struct {
	r          io.Reader
	buf        []byte
	start, end int
	partway    bool // the next piece goes on with a line
}

// piece is a line with its end, or a part of a long one. It is overwritten by the
// next.
type piece struct {
	data        []byte
	first, last bool // of its line
}

func (p piece) whole() bool { return p.first && p.last }

func newSource(r io.Reader, rest []byte) *source {
	s := &source{r: r, buf: make([]byte, max(idleBuffer, len(rest)))}
	s.end = copy(s.buf, rest)
	return s
}

// next blocks until there is a piece. At the end of the input a line without an end
// is a piece that is not the last; the error comes after it.
func (s *source) next() (piece, error) {
	for seen := 0; ; {
		b := s.buf[s.start:s.end]
		if i := bytes.IndexByte(b[seen:], '\n'); i >= 0 {
			return s.take(seen+i+1, true), nil
		}
		seen = len(b)
		if seen > 0 && (s.partway || seen >= maxWhole) {
			return s.take(seen, false), nil
		}
		s.makeRoom()
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if n == 0 && err != nil {
			if s.end > s.start {
				return s.take(s.end-s.start, false), nil
			}
			return piece{}, err //nolint:wrapcheck // The caller says of whom.
		}
	}
}

func (s *source) take(n int, last bool) piece {
	p := piece{data: s.buf[s.start : s.start+n], first: !s.partway, last: last}
	s.start += n
	s.partway = !last
	return p
}

// makeRoom makes sure that more can be read, and lets go of a large buffer that is
// not needed any more.
func (s *source) makeRoom() {
	rest := s.buf[s.start:s.end]
	switch {
	case len(rest) == 0 && len(s.buf) > idleBuffer:
		s.buf = make([]byte, idleBuffer)
	case len(rest) < len(s.buf):
		copy(s.buf, rest)
	default:
		s.buf = append(make([]byte, 0, 2*len(s.buf)), rest...)
		s.buf = s.buf[:cap(s.buf)]
	}
	s.start, s.end = 0, len(rest)
}
