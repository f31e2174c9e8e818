package jsonrpc

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

const (
	// ReadBuffer is a size in bytes up to which any line is worth keeping: it
	// fits the buffer that is used anyway.
	ReadBuffer = 64 << 10
	// idleBuffer is what a reader holds while nothing comes: most servers of
	// most gateways are silent most of the time.
	idleBuffer = 4 << 10
	// busyBuffer is what it reads into once more comes than that. It holds a
	// line of ReadBuffer, and goes back to busyBuffers when all is read.
	busyBuffer = 2 * ReadBuffer
	// headSize is how much of an oversized line is kept to be shown.
	headSize = 256
	// maxBlanks is how many bytes at the end of what has come are looked at for the
	// end of a message. All of them would be looked at after each read.
	maxBlanks = 64
	// retried is the size up to which what has come is taken for a message after each
	// silence. More is parsed again only once it is twice as much.
	retried = 1 << 20
)

var busyBuffers = sync.Pool{New: func() any { return new([busyBuffer]byte) }}

// ErrEndless means that a line has grown beyond all measure without an end.
var ErrEndless = errors.New("a line without end")

// Line is one line without its end. It is overwritten by the next one.
type Line struct {
	Data []byte
	// Over is set when the line was larger than the limit: Data then holds
	// only its beginning.
	Over *Skimmer
	// Size is that of such a line, as far as it was read.
	Size int64
	// NoRoom is set when that was for want of room in the budget.
	NoRoom bool
}

// Limits bound the lines of a Reader, in bytes.
type Limits struct {
	// Keep is the size up to which every line is kept, at most ReadBuffer.
	Keep int
	// Keeps returns the largest line to keep beyond that. It is asked about
	// larger lines only, once for each piece.
	Keeps func() int64
	// Endless is the size at which a line ends the stream.
	Endless int64
	// Budget is what the memory for larger lines is taken of. Nil is no budget.
	Budget *weight.Budget
	// Wait, if set, bounds the next Read, which then ends with
	// os.ErrDeadlineExceeded; zero is no bound. With it whole messages whose
	// lines have no end are taken after Silence, one by one: some writers end lines
	// in another way, or not at all.
	Wait    func(time.Duration) error
	Silence time.Duration
}

// Reader reads lines of bounded size. What is beyond the limit is skimmed and
// not kept, and the next line is read as if nothing had been.
type Reader struct {
	r      io.Reader
	limits Limits
	share  weight.Share

	buf        []byte
	start, end int               // of what is read and not given out yet
	seen       int               // how much of that is known to hold no end of a line
	again      int               // what that must have grown to before it is taken for a message again
	idle       []byte            // the small buffer
	busy       *[busyBuffer]byte // the one from the pool, while it is in use
	err        error             // what ended the stream
	silent     bool              // nothing has come for a while
}

// NewReader returns a reader of the lines of r. Close must follow.
func NewReader(r io.Reader, limits Limits) *Reader {
	idle := make([]byte, idleBuffer)
	return &Reader{r: r, limits: limits, share: limits.Budget.Share(), buf: idle, idle: idle}
}

// Next blocks until there is a line, and returns it. The end of the stream ends
// a line too; the error comes with the call after that.
func (r *Reader) Next() (Line, error) {
	for {
		rest := r.buf[r.start:r.end]
		size, whole := lineSize(rest, r.seen)
		r.seen = size                  // Kept for the next call: many messages may share one line.
		next := min(size+1, len(rest)) // Behind the end of the line.
		if !whole && size > 0 && r.silent {
			size, whole = firstMessage(rest)
			next = size
			if !whole && size > retried {
				r.again = 2 * size
			}
		}
		whole = whole || size > 0 && errors.Is(r.err, io.EOF)
		switch {
		case size > r.limits.Keep && int64(size) > r.limits.Keeps():
			return r.skim(size, false)
		case whole:
			r.start += next
			r.seen, r.again = max(0, r.seen-next), 0
			return Line{Data: cutEnd(rest[:size])}, nil
		case r.err != nil:
			return Line{}, r.err
		}
		if !r.makeRoom() {
			return r.skim(size, true)
		}
		r.fill()
	}
}

// lineSize returns the size of the line that b begins with, without its end, and
// whether the end is there. The first bytes are known to hold none.
func lineSize(b []byte, first int) (size int, whole bool) {
	if i := bytes.IndexByte(b[first:], '\n'); i >= 0 {
		return first + i, true
	}
	return len(b), false
}

// fill reads once. It blocks.
func (r *Reader) fill() {
	waits := !r.silent && r.awaitEnd()
	n, err := r.r.Read(r.buf[r.end:])
	if waits {
		_ = r.limits.Wait(0)
	}
	if r.silent = waits && n == 0 && errors.Is(err, os.ErrDeadlineExceeded); r.silent {
		return
	}
	r.end += n
	r.err = err
}

// awaitEnd limits the wait for more if what has been read could be a message
// whose line has no end. It reports whether it has.
func (r *Reader) awaitEnd() bool {
	rest := r.buf[r.start:r.end]
	if r.limits.Wait == nil || len(rest) < r.again {
		return false
	}
	rest = bytes.TrimRight(rest[max(0, len(rest)-maxBlanks):], " \t\r")
	if len(rest) == 0 || rest[len(rest)-1] != '}' && rest[len(rest)-1] != ']' {
		return false
	}
	return r.limits.Wait(r.limits.Silence) == nil
}

// firstMessage returns the size of the message that b begins with, if there is one,
// and nothing behind it but more of the kind: several may have come before the
// silence. Else it is that of all of b, which is whole if it is a message that is not
// UTF-8 throughout.
func firstMessage(b []byte) (size int, whole bool) {
	if i := rawjson.Space(b, 0); i < len(b) && (b[i] == '{' || b[i] == '[') {
		if end := rawjson.Skip(b, i, 0); end >= 0 && isMessage(b[:end]) {
			end = rawjson.Space(b, end)
			if end == len(b) || b[end] == '{' || b[end] == '[' {
				return end, true
			}
		}
	}
	return len(b), isMessage(b)
}

// isMessage reports whether that is JSON-RPC: one object, or a batch.
func isMessage(b []byte) bool { return Scan(b, func(Message) {}) }

// makeRoom makes sure that more can be read, if the budget allows it.
func (r *Reader) makeRoom() bool {
	rest := r.buf[r.start:r.end]
	switch {
	case len(rest) == 0:
		r.rest()
	case len(r.buf) == idleBuffer && len(rest) >= idleBuffer/2:
		r.busy = busyBuffers.Get().(*[busyBuffer]byte)
		copy(r.busy[:], rest)
		r.buf = r.busy[:]
	case r.start == 0 && r.end < len(r.buf): // There is room behind what is read.
	case len(rest) < len(r.buf):
		copy(r.buf, rest)
	case !r.share.Grow(2 * len(r.buf)):
		return false
	default:
		larger := make([]byte, 2*len(r.buf))
		copy(larger, rest)
		r.giveBack()
		r.buf = larger
	}
	r.start, r.end = 0, len(rest)
	return true
}

// rest goes back to the small buffer: nothing is left to be given out.
func (r *Reader) rest() {
	r.giveBack()
	r.buf = r.idle
	r.share.Release()
}

// Rest returns the beginning of the line that the stream broke off in.
func (r *Reader) Rest() []byte { return r.buf[r.start:r.end] }

// Close lets go of the reader's memory. No line may be used after it.
func (r *Reader) Close() {
	r.giveBack()
	r.share.Release()
}

// giveBack returns the busy buffer to the pool, if it is in use.
func (r *Reader) giveBack() {
	if r.busy != nil {
		busyBuffers.Put(r.busy)
		r.busy = nil
	}
}

// skim passes over the rest of a line that is too large. seen is how much of it
// has been read.
func (r *Reader) skim(seen int, noRoom bool) (Line, error) {
	r.seen, r.again = 0, 0
	l := Line{NoRoom: noRoom, Data: bytes.Clone(r.buf[r.start:][:min(headSize, seen)]), Over: &Skimmer{}}
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
		l.Size = size
		l.Over.Feed(piece)
		switch {
		case i >= 0 || errors.Is(r.err, io.EOF):
			return l, nil
		case r.err != nil:
			return Line{}, r.err
		case size > r.limits.Endless:
			return Line{}, ErrEndless
		}
	}
}

func cutEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
