package downstream

import (
	"errors"
	"io"
	"os"
	"time"
)

const (
	// maxBatch is how many bytes the writer joins into one write.
	maxBatch = 64 << 10
	// writeChunk is how many bytes one write may hold where the pipe knows no
	// deadline: a write is then either done or without progress.
	writeChunk = 16 << 10
	// maxControl is how many lines that belong to no call may wait: answers
	// to a server's requests and cancellations. More are dropped, as a server
	// that asks in a flood does not read what it is told.
	maxControl = 1000
)

// send queues a line for the writer. It does not wait. An error means that
// the session has ended.
func (s *Stdio) send(o *outgoing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return s.cause
	}
	if o.call == nil {
		if s.control >= maxControl {
			return nil
		}
		s.control++
	} else {
		s.pending[o.call.id] = o.call
	}
	s.queue = append(s.queue, o)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// write is the writer: it joins what waits into few writes, in order, and is
// the only one who touches the server's stdin before its end.
func (s *Stdio) write() {
	w := newStallWriter(s.pipes.Stdin, s.opts.WriteStall, func() { s.end(ErrNotReading) })
	var buffer []byte
	for {
		select {
		case <-s.wake:
		case <-s.ended:
			return
		}
		for {
			batch := s.pick()
			if len(batch) == 0 {
				break
			}
			data := batch[0].line
			if len(batch) > 1 {
				buffer = join(buffer[:0], batch)
				data = buffer
			}
			if n, err := w.write(data); err != nil {
				s.unpick(batch, n)
				s.writeFailed(err)
				return
			}
		}
	}
}

// pick takes the lines of the next write from the queue. From then on they
// count as written.
func (s *Stdio) pick() (batch []*outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf {
		return nil
	}
	size := 0
	for len(s.queue) > 0 {
		o := s.queue[0]
		if len(batch) > 0 && size+len(o.line) > maxBatch {
			break
		}
		s.queue[0] = nil
		s.queue = s.queue[1:]
		if o.call == nil {
			s.control--
		}
		if o.dropped {
			continue
		}
		o.picked = true
		size += len(o.line)
		batch = append(batch, o)
	}
	return batch
}

// unpick takes back the mark of those lines of a failed write of which not a
// byte was among the n that were written.
func (s *Stdio) unpick(batch []*outgoing, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	start := 0
	for _, o := range batch {
		o.picked = start < n
		start += len(o.line)
	}
}

// writeFailed ends the session: at once for a server that does not read, else
// after its owner had the time to say how the process ended.
func (s *Stdio) writeFailed(err error) {
	if errors.Is(err, ErrNotReading) {
		s.end(ErrNotReading)
		return
	}
	s.endSoon(ErrInputClosed)
}

func join(buffer []byte, batch []*outgoing) []byte {
	for _, o := range batch {
		buffer = append(buffer, o.line...)
	}
	return buffer
}

// stallWriter writes whole slices and gives up when no byte could be written
// for a while.
type stallWriter struct {
	w        io.Writer
	stall    time.Duration
	deadline func(time.Time) error // nil where the pipe knows none
	// stalled is called where the pipe knows no deadline: it must see to it
	// that the write ends, be it by the end of the process.
	stalled func()
}

func newStallWriter(w io.Writer, stall time.Duration, stalled func()) *stallWriter {
	s := &stallWriter{w: w, stall: stall, stalled: stalled}
	if d, ok := w.(interface{ SetWriteDeadline(t time.Time) error }); ok && d.SetWriteDeadline(time.Time{}) == nil {
		s.deadline = d.SetWriteDeadline
	}
	return s
}

// write writes all of p. On an error it tells how many bytes were written; a
// server that takes none for too long is ErrNotReading.
func (s *stallWriter) write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := s.some(p[written:])
		written += n
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = ErrNotReading
			}
			return written, err
		}
	}
	return written, nil
}

// some writes part of p.
func (s *stallWriter) some(p []byte) (int, error) {
	if s.deadline != nil {
		if err := s.deadline(time.Now().Add(s.stall)); err != nil {
			return 0, err
		}
		return s.w.Write(p) //nolint:wrapcheck // The caller tells by it what happened.
	}
	watch := time.AfterFunc(s.stall, s.stalled)
	n, err := s.w.Write(p[:min(len(p), writeChunk)])
	if !watch.Stop() && err != nil {
		err = ErrNotReading
	}
	return n, err
}
