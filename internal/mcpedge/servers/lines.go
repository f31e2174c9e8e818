package servers

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

const (
	// readBuffer is the size up to which a line is always worth keeping.
	readBuffer = 64 << 10
	// idleBuffer is what a reader holds while nothing comes: most servers of
	// most gateways are silent most of the time.
	idleBuffer = 4 << 10
	// busyBuffer is what it reads into once more comes than that. It holds a
	// line of readBuffer, and goes back to busyBuffers when all is read.
	busyBuffer = 2 * readBuffer
	// headSize is how much of an oversized line is kept to be shown.
	headSize = 256
)

var busyBuffers = sync.Pool{New: func() any { return new([busyBuffer]byte) }}

// errEndless means that a line has grown beyond all measure without an end.
var errEndless = errors.New("a line without end")

// line is one line without its end. It is overwritten by the next one.
type line struct {
	data []byte
	// over is set when the line was larger than the limit: data then holds
	// only its beginning.
	over *skimmer
}

// lineReader reads lines of bounded size. What is beyond the limit is
// skimmed and not kept.
type lineReader struct {
	r io.Reader
	// limit gives the largest line to keep, in bytes. It is asked only about
	// lines larger than readBuffer, once for each piece.
	limit func() int64
	// hard is the size at which a line ends the stream.
	hard int64

	buf        []byte
	start, end int               // of what is read and not given out yet
	idle       []byte            // the small buffer
	busy       *[busyBuffer]byte // the one from the pool, while it is in use
	err        error             // what ended the stream
}

func newLineReader(r io.Reader, limit func() int64, hard int64) *lineReader {
	idle := make([]byte, idleBuffer)
	return &lineReader{r: r, limit: limit, hard: hard, buf: idle, idle: idle}
}

// next gives the next line. The end of the stream ends a line too; the error
// comes with the call after that.
func (r *lineReader) next() (line, error) {
	for seen := 0; ; { // How much is known to hold no end of a line.
		rest := r.buf[r.start:r.end]
		size, whole := lineSize(rest, seen)
		whole = whole || size > 0 && errors.Is(r.err, io.EOF)
		switch {
		case size > readBuffer && int64(size) > r.limit():
			return r.skim()
		case whole:
			r.start += min(size+1, len(rest))
			return line{data: cutEnd(rest[:size])}, nil
		case r.err != nil:
			return line{}, r.err
		}
		seen = size
		r.makeRoom()
		r.fill()
	}
}

// lineSize gives the size of the line that b begins with, without its end.
// whole says that the end is there. The first bytes are known to hold none.
func lineSize(b []byte, first int) (size int, whole bool) {
	if i := bytes.IndexByte(b[first:], '\n'); i >= 0 {
		return first + i, true
	}
	return len(b), false
}

// fill reads once. It blocks.
func (r *lineReader) fill() {
	n, err := r.r.Read(r.buf[r.end:])
	r.end += n
	r.err = err
}

// makeRoom sees to it that more can be read.
func (r *lineReader) makeRoom() {
	rest := r.buf[r.start:r.end]
	switch {
	case len(rest) == 0:
		r.rest()
	case len(r.buf) == idleBuffer && len(rest) >= idleBuffer/2:
		r.busy = busyBuffers.Get().(*[busyBuffer]byte)
		copy(r.busy[:], rest)
		r.buf = r.busy[:]
	case len(rest) < len(r.buf):
		copy(r.buf, rest)
	default:
		larger := make([]byte, 2*len(r.buf))
		copy(larger, rest)
		r.giveBack()
		r.buf = larger
	}
	r.start, r.end = 0, len(rest)
}

// rest goes back to the small buffer, as nothing is left to be given out.
func (r *lineReader) rest() {
	r.giveBack()
	r.buf = r.idle
}

// giveBack gives the busy buffer back, if it is in use.
func (r *lineReader) giveBack() {
	if r.busy != nil {
		busyBuffers.Put(r.busy)
		r.busy = nil
	}
}

// skim passes over the rest of a line that is too large.
func (r *lineReader) skim() (line, error) {
	l := line{data: bytes.Clone(r.buf[r.start:][:headSize]), over: &skimmer{}}
	for size := int64(0); ; r.fill() {
		piece := r.buf[r.start:r.end]
		i := bytes.IndexByte(piece, '\n')
		if i >= 0 {
			piece = piece[:i]
			r.start += i + 1
		} else {
			r.start, r.end = 0, 0
		}
		size += int64(len(piece))
		l.over.feed(piece)
		switch {
		case i >= 0 || errors.Is(r.err, io.EOF):
			return l, nil
		case r.err != nil:
			return line{}, r.err
		case size > r.hard:
			return line{}, errEndless
		}
	}
}

func cutEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
