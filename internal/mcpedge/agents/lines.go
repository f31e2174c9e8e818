package agents

import (
	"bytes"
	"encoding/json"
	"io"
	"math"

	"gatehouse/internal/mcpedge/jsonrpc"
)

// line is one line of a client.
type line struct {
	data    []byte          // without its end; nil if it is too long
	tooLong bool            // more than the limit: the rest was passed over
	id      json.RawMessage // of a line that was too long, if it could be seen
}

// lineReader reads lines of at most max bytes, each in memory of its own: calls
// outlive the reading of the next line.
type lineReader struct {
	lines *jsonrpc.Reader
	max   int
}

func newLineReader(in io.Reader, limit int) *lineReader {
	return &lineReader{max: limit, lines: jsonrpc.NewReader(in, jsonrpc.Limits{
		Keep:    min(limit, jsonrpc.ReadBuffer),
		Keeps:   func() int64 { return int64(limit) },
		Endless: math.MaxInt64,
	})}
}

// next blocks until there is a line. A last line without a newline counts.
func (r *lineReader) next() (line, error) {
	l, err := r.lines.Next()
	switch {
	case err != nil:
		return line{}, err
	case l.Over != nil:
		return line{tooLong: true, id: idOf(l.Over)}, nil
	default:
		return line{data: bytes.Clone(withoutMark(l.Data))}, nil
	}
}

// idOf is the id of the request in a line that was too long. That of a batch
// could be anybody's.
func idOf(over *jsonrpc.Skimmer) json.RawMessage {
	if len(over.Requests) != 1 || !jsonrpc.ValidID(over.Requests[0]) {
		return nil
	}
	return over.Requests[0]
}

func (r *lineReader) close() { r.lines.Close() }
