package peer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
)

// The limits of what waits to be written to a stream. What a server says beyond them
// while a call runs is dropped; the answer never is.
const (
	maxQueued      = 1000
	maxQueuedBytes = 1 << 20
)

// event is one of a stream: "event: NAME", "id: SIZE", "data: " and that many bytes.
// The size lets the reader take an answer of any length without looking for its end.
type event struct {
	name string
	data []byte
}

// appendEvent appends an event up to its data.
func appendEvent(dst []byte, name string, size int) []byte {
	dst = append(append(dst, "event: "...), name...)
	dst = strconv.AppendInt(append(dst, "\nid: "...), int64(size), 10)
	return append(dst, "\ndata: "...)
}

// stream writes events to a response. What is told to it while the call runs is
// written by a goroutine of its own, which ends with finish.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	patient time.Duration // for one event, beside a second for each MiB
	gone    func()        // called once nothing can be written any more

	mu     sync.Mutex
	queue  []event
	bytes  int
	begun  bool          // the goroutine runs
	over   bool          // nothing more is taken
	dead   bool          // nothing can be written
	wake   chan struct{} // holds one
	ended  chan struct{} // closed once the goroutine has
	failed error
}

func newStream(w http.ResponseWriter, patient time.Duration, gone func()) *stream {
	return &stream{w: w, control: http.NewResponseController(w), patient: patient, gone: gone, wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// takes reports whether an event that is told now would be queued.
func (s *stream) takes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.over && !s.dead && len(s.queue) < maxQueued && s.bytes < maxQueuedBytes
}

// tell queues an event, a copy of it. It does not block.
func (s *stream) tell(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.dead || len(s.queue) >= maxQueued || s.bytes+len(data) > maxQueuedBytes {
		return
	}
	data = bytes.Clone(data)
	jsonrpc.OneLine(data)
	s.queue = append(s.queue, event{name, data})
	s.bytes += len(data)
	if !s.begun {
		s.begun = true
		go s.write()
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write writes what is queued until nothing more can come.
func (s *stream) write() {
	defer close(s.ended)
	s.start()
	for {
		s.mu.Lock()
		queue, over := s.queue, s.over
		s.queue, s.bytes = nil, 0
		s.mu.Unlock()
		for _, e := range queue {
			s.put(e.name, e.data)
		}
		if len(queue) > 0 {
			s.limit(0)
			s.note(s.control.Flush())
			continue
		}
		if over {
			return
		}
		<-s.wake
	}
}

// start writes the head of the response.
func (s *stream) start() {
	s.w.Header().Set("Content-Type", mediaStream)
	s.w.Header().Set("Cache-Control", "no-store")
	s.w.WriteHeader(http.StatusOK)
}

func (s *stream) put(name string, data []byte) {
	if s.failed != nil {
		return
	}
	s.limit(len(data))
	_, err := s.w.Write(appendEvent(make([]byte, 0, 64), name, len(data)))
	s.note(err)
	_, err = s.w.Write(data)
	s.note(err)
	_, err = io.WriteString(s.w, "\n\n")
	s.note(err)
}

// limit bounds the writing of so many bytes: whoever does not read is left.
func (s *stream) limit(size int) {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.patient + time.Duration(size>>20)*time.Second)) // A test's recorder has none.
}

func (s *stream) note(err error) {
	if s.failed != nil || err == nil {
		return
	}
	s.failed = err
	s.mu.Lock()
	s.dead, s.queue, s.bytes = true, nil, 0
	s.mu.Unlock()
	s.gone()
}

// finish ends the stream with a last event, and reports whether there was one: without
// anything told before nothing has been written, and the answer can be a plain one.
func (s *stream) finish(name string, data func() []byte) bool {
	s.mu.Lock()
	begun := s.begun
	s.over = true
	s.mu.Unlock()
	if !begun {
		return false
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	<-s.ended
	last := data()
	jsonrpc.OneLine(last)
	s.put(name, last)
	return true
}

// eventReader reads events as stream writes them.
type eventReader struct{ r *bufio.Reader }

var errStream = errors.New("the other gateway's stream cannot be read")

// next reads an event up to its data, of which there are size bytes. skip must follow
// once they have been read.
func (e eventReader) next() (name string, size int64, err error) {
	if name, err = e.line("event: "); err != nil {
		return "", 0, err
	}
	id, err := e.line("id: ")
	if err != nil {
		return "", 0, err
	}
	if size, err = strconv.ParseInt(id, 10, 64); err != nil || size < 0 {
		return "", 0, errStream
	}
	const data = "data: "
	got, err := e.r.Peek(len(data))
	if err != nil || string(got) != data {
		return "", 0, cmpError(err, errStream)
	}
	_, err = e.r.Discard(len(data))
	return name, size, err //nolint:wrapcheck // It is nil: that much is there.
}

// end reads what follows the data.
func (e eventReader) end() error {
	got, err := e.r.Peek(2)
	if err != nil || string(got) != "\n\n" {
		return cmpError(err, errStream)
	}
	_, err = e.r.Discard(2)
	return err //nolint:wrapcheck // It is nil: that much is there.
}

// line reads a short line that begins so.
func (e eventReader) line(prefix string) (string, error) {
	text, err := e.r.ReadSlice('\n')
	if err != nil {
		return "", fmt.Errorf("cannot read a stream: %w", err)
	}
	value, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), prefix)
	if !ok {
		return "", errStream
	}
	return value, nil
}

func cmpError(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// notice is the data of eventNotice.
type notice struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params,omitempty"`
}
