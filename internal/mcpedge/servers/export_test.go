package servers

import (
	"bytes"
	"io"

	"gatehouse/internal/endpoint"
)

// Envelope is what the scanner finds of one message, for tests.
type Envelope struct{ ID, Method, Params, Result, Error []byte }

// Scan gives the scanner's view of a line.
func Scan(line []byte) (all []Envelope, ok bool) {
	ok = scan(line, func(m message) {
		all = append(all, Envelope{ID: m.id, Method: m.method, Params: m.params, Result: m.result, Error: m.err})
	})
	return all, ok
}

// Outline gives the outline that the scanner has of the result of a line with
// one message.
func Outline(line []byte) (result []byte, outline endpoint.Outline) {
	scan(line, func(m message) { result, outline = m.result, m.outline })
	return result, outline
}

// Skim gives the ids that the skimmer finds in a line fed in pieces of the
// given size.
func Skim(line []byte, piece int) (ids []string) {
	var s skimmer
	for len(line) > 0 {
		n := min(piece, len(line))
		s.feed(line[:n])
		line = line[n:]
	}
	for _, id := range s.ids {
		ids = append(ids, string(id))
	}
	return ids
}

// Line is one line that a reader gave.
type Line struct {
	Data []byte
	Over bool
}

// ReadLines reads all lines of r, those up to the limit whole.
func ReadLines(r io.Reader, limit int64) (all []Line) {
	lines := newLineReader(r, func() int64 { return limit }, DefaultMaxLineBytes)
	defer lines.giveBack()
	for {
		l, err := lines.next()
		if err != nil {
			return all
		}
		all = append(all, Line{bytes.Clone(l.data), l.over != nil})
	}
}
