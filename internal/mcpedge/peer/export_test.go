package peer

import (
	"bufio"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Follows counts requests to follow that do not end.
type Follows struct{ follows }

// NewFollows makes a Follows.
func NewFollows(log *slog.Logger) *Follows { return &Follows{follows{log: log}} }

// Begin reports whether a request is let in.
func (f *Follows) Begin(key, address, gateway string, now time.Time) bool {
	_, refusal := f.begin(key, address, gateway, now)
	return refusal == nil
}

// PathOf and KeyOf say where a key is asked for.
var (
	PathOf = pathOf
	KeyOf  = keyOf
)

// WrittenAgain returns the headers of a call as this gateway would have written
// what it reads in them.
func WrittenAgain(from http.Header) (http.Header, error) {
	h, err := readHead(from)
	again := http.Header{}
	if err == nil {
		h.write(again)
	}
	return again, err
}

// Event is one of a stream, with its data as far as they came.
type Event struct {
	Name string
	Data []byte
}

// AppendEvent appends an event as it is sent.
func AppendEvent(dst []byte, e Event) []byte {
	return append(append(appendEvent(dst, e.Name, len(e.Data)), e.Data...), "\n\n"...)
}

// ReadEvents reads the events of a stream up to the first that cannot be read.
func ReadEvents(r io.Reader) (events []Event) {
	reader := eventReader{bufio.NewReader(r)}
	for {
		name, size, err := reader.next()
		if err != nil || size > maxQueuedBytes {
			return events
		}
		data := make([]byte, size)
		if _, err = io.ReadFull(reader.r, data); err != nil || reader.end() != nil {
			return events
		}
		events = append(events, Event{name, data})
	}
}

// LookNow has the files read again by the next look, however soon that is.
func (c *Credentials) LookNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = time.Time{}
}
