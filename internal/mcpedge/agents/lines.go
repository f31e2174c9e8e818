package agents

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
)

// line is one line of a client, or the end of them.
type line struct {
	data    []byte          // without the newline; nil if too long
	tooLong bool            // more than the limit; the rest was skipped
	id      json.RawMessage // of a line that was too long, if it could be seen
	err     error           // the end: io.EOF or what broke the input
}

// lineReader reads lines of at most max bytes. A longer one costs no memory
// beyond the limit, and the next line is read as if nothing had been.
type lineReader struct {
	in  *bufio.Reader
	max int
}

func newLineReader(in io.Reader, limit int) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(in, 64<<10), max: limit}
}

// next blocks until there is a line. A last line without a newline counts.
func (r *lineReader) next() line {
	var data []byte
	for {
		part, err := r.in.ReadSlice('\n')
		more := errors.Is(err, bufio.ErrBufferFull)
		if len(data)+len(part) > r.max+len("\n") {
			return r.skip(data, part, more)
		}
		data = append(data, part...)
		if more {
			continue
		}
		if err != nil && len(data) == 0 {
			return line{err: err}
		}
		return line{data: bytes.TrimRight(data, "\r\n")}
	}
}

// idWindow is how much of each end of a line is searched for its id.
const idWindow = 4 << 10

// skip reads to the end of a line that is too long.
func (r *lineReader) skip(head, part []byte, more bool) line {
	head = append(slices.Clip(head), part[:min(len(part), idWindow)]...)
	head = bytes.Clone(head[:min(len(head), idWindow)])
	tail := lastBytes(nil, part)
	for more {
		part, err := r.in.ReadSlice('\n')
		more = errors.Is(err, bufio.ErrBufferFull)
		tail = lastBytes(tail, part)
	}
	l := line{tooLong: true}
	if l.id = idAtStart(head); l.id == nil {
		l.id = idAtEnd(tail)
	}
	return l
}

func lastBytes(tail, part []byte) []byte {
	tail = append(tail, part...)
	return bytes.Clone(tail[max(0, len(tail)-idWindow):])
}

// idAtStart finds the id among the first members of a JSON object that was cut
// off.
func idAtStart(head []byte) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(head))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for {
		key, err := dec.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil
		}
		if key == "id" {
			return usableID(value)
		}
	}
}

// lastMember matches an id that is the last member of the outermost object:
// exactly one brace closes after it, and its key is no part of a longer one.
var lastMember = regexp.MustCompile(`[,\s]"id"\s*:\s*(-?\d+|"[^"\\]*")\s*\}\s*$`)

func idAtEnd(tail []byte) json.RawMessage {
	match := lastMember.FindSubmatch(tail)
	if match == nil {
		return nil
	}
	return usableID(match[1])
}

func usableID(id json.RawMessage) json.RawMessage {
	if !validID(id) {
		return nil
	}
	return id
}
