package servers

import (
	"errors"
	"io"
	"os"
	"runtime"
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

// The server's stdin has one writer at a time. Most often the pipe has room, and
// then the one who sends is the writer, for one write that cannot block: nobody
// has to be woken for it. What the pipe does not take, and what was queued
// meanwhile, is for the session's own writer, which may wait for the server.

// send queues a line, and writes it if nobody else is writing. It does not
// wait. An error means that the session has ended.
func (s *Stdio) send(o *outgoing) error {
	mine, crowded, err := s.enqueue(o)
	if crowded {
		runtime.Gosched() // Others are about to send: one write takes them along.
	}
	if mine {
		s.writeOnce()
	}
	return err
}

// enqueue queues a line. mine says that the caller is to write, crowded that
// others are likely to have something to write as well.
func (s *Stdio) enqueue(o *outgoing) (mine, crowded bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return false, false, s.cause
	}
	if o.call == nil {
		if s.control >= maxControl {
			return false, false, nil
		}
		s.control++
		if o.notice {
			s.told++
			s.toldAt = s.lastID
		}
	} else {
		s.pending[o.call.id] = o.call
	}
	s.queue = append(s.queue, o)
	if s.writing || s.deaf {
		return false, false, nil
	}
	s.writing = true
	if s.try == nil {
		s.wake <- writeJob{} // Has room: there is one writer at a time.
		return false, false, nil
	}
	return true, len(s.pending) > 1, nil
}

// writeOnce writes what waits, as far as the pipe takes it at once, and leaves
// the rest to the session's writer.
func (s *Stdio) writeOnce() {
	batch := s.pick()
	if len(batch) == 0 {
		return
	}
	data := batch[0].line
	if len(batch) > 1 {
		data = join(nil, batch)
	}
	n, err := s.try(data)
	if n < len(data) || err != nil {
		s.wake <- writeJob{batch: batch, data: data, done: n, err: err}
		return
	}
	written(batch)
	if s.moreToWrite() {
		s.wake <- writeJob{}
	}
}

// written lets go of lines that the server has: their calls may take long.
func written(batch []*outgoing) {
	for _, o := range batch {
		o.line = nil
	}
}

// moreToWrite ends the turn of who writes, unless there is more to write.
func (s *Stdio) moreToWrite() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = len(s.queue) > 0
	return s.writing
}

// writeJob is what the session's writer is left with: a batch that was written
// in part, and after it the queue.
type writeJob struct {
	batch []*outgoing
	data  []byte
	done  int   // how many bytes of data are written
	err   error // why no more of them will be
}

// write is the session's writer: it joins what waits into few writes, in order.
func (s *Stdio) write() {
	w := newStallWriter(s.pipes.Stdin, s.opts.WriteStall, func() { s.end(ErrNotReading) })
	var buffer []byte
	for {
		var job writeJob
		select {
		case job = <-s.wake:
		case <-s.ended:
			return
		}
		for job.batch != nil || s.pickJob(&job, &buffer) {
			if err := job.finish(w); err != nil {
				s.unpick(job.batch, job.done)
				s.writeFailed(err)
				return
			}
			written(job.batch)
			job = writeJob{}
		}
	}
}

// pickJob makes a job of what is in the queue; false means that there is
// nothing. The buffer is for joining lines.
func (s *Stdio) pickJob(job *writeJob, buffer *[]byte) bool {
	job.batch = s.pick()
	if len(job.batch) == 0 {
		return false
	}
	job.data = job.batch[0].line
	if len(job.batch) > 1 {
		*buffer = join((*buffer)[:0], job.batch)
		job.data = *buffer
	}
	return true
}

// finish writes what is left of a job.
func (j *writeJob) finish(w *stallWriter) error {
	if j.err != nil {
		return j.err
	}
	n, err := w.write(j.data[j.done:])
	w.rest() // While it is still our turn.
	j.done += n
	return err
}

// pick takes the lines of the next write from the queue. From then on they
// count as written. If there are none the turn of who writes is over.
func (s *Stdio) pick() (batch []*outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.writing = len(batch) > 0 }()
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
	// stalled is called where the pipe knows no deadline: it must make
	// the write end, if need be by ending the process.
	stalled func()
}

func newStallWriter(w io.Writer, stall time.Duration, stalled func()) *stallWriter {
	s := &stallWriter{w: w, stall: stall, stalled: stalled}
	if d, ok := w.(interface{ SetWriteDeadline(t time.Time) error }); ok && d.SetWriteDeadline(time.Time{}) == nil {
		s.deadline = d.SetWriteDeadline
	}
	return s
}

// rest lifts the deadline of the last write, which would count against writes
// that know nothing of it.
func (s *stallWriter) rest() {
	if s.deadline != nil {
		_ = s.deadline(time.Time{}) // It worked before.
	}
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
