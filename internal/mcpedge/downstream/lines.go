package downstream

import (
	"bufio"
	"errors"
	"io"
)

// readBuffer is the size of the buffer that lines are read through. Lines up
// to this size cost no allocation.
const readBuffer = 64 << 10

// headSize is how much of an oversized line is kept to be shown.
const headSize = 256

// errEndless means that a line has grown beyond all measure without an end.
var errEndless = errors.New("a line without end")

// line is one line without its end.
type line struct {
	data []byte
	// kept says that data is not overwritten by the next line.
	kept bool
	// over is set when the line was larger than the limit: data then holds
	// only its beginning.
	over *skimmer
}

// lineReader reads lines of bounded size. What is beyond the limit is
// skimmed and not kept.
type lineReader struct {
	br *bufio.Reader
	// limit gives the largest line to keep, in bytes. It is asked only about
	// lines larger than readBuffer, once for each piece.
	limit func() int64
	// hard is the size at which a line ends the stream.
	hard int64
}

func newLineReader(r io.Reader, limit func() int64, hard int64) *lineReader {
	return &lineReader{br: bufio.NewReaderSize(r, readBuffer), limit: limit, hard: hard}
}

// next gives the next line. The end of the stream ends a line too; the error
// comes with the call after that.
func (r *lineReader) next() (line, error) {
	piece, err := r.br.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(piece) > 0 {
		return line{data: cutEnd(piece)}, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line{}, err //nolint:wrapcheck // The owner of the stream knows what it was.
	}
	return r.long(append(make([]byte, 0, 2*readBuffer), piece...))
}

// long reads on in a line that did not fit the buffer.
func (r *lineReader) long(data []byte) (line, error) {
	for {
		piece, err := r.br.ReadSlice('\n')
		if int64(len(data)+len(piece)) > r.limit() {
			return r.skim(data, piece, err)
		}
		data = append(data, piece...)
		if ended, err := lineEnd(err); ended {
			return line{data: cutEnd(data), kept: true}, err
		}
	}
}

// skim passes over the rest of a line that is too large.
func (r *lineReader) skim(data, piece []byte, err error) (line, error) {
	l := line{data: append([]byte(nil), data[:min(len(data), headSize)]...), kept: true, over: &skimmer{}}
	l.over.feed(data)
	size := int64(len(data))
	for {
		size += int64(len(piece))
		l.over.feed(piece)
		if ended, err := lineEnd(err); ended {
			return l, err
		}
		if size > r.hard {
			return line{}, errEndless
		}
		piece, err = r.br.ReadSlice('\n')
	}
}

// lineEnd tells by the error of ReadSlice whether the line is over; an error
// other than the end of the stream is given back.
func lineEnd(err error) (bool, error) {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return false, nil
	case err == nil || errors.Is(err, io.EOF):
		return true, nil
	default:
		return true, err
	}
}

func cutEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
