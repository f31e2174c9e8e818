package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// The limits of a Ring.
const (
	// RingRecords is how many records are kept.
	RingRecords = 2000
	// ringBytes limits what all of them hold together.
	ringBytes = 4 << 20
	// ringLine limits one record; a larger one is kept without its attributes.
	ringLine = 32 << 10
)

// Ring keeps the last records of a log, each as one line of JSON, for whoever
// asks later or follows. Writers never wait for readers: a reader that is too
// slow loses lines and learns how many. Its methods may be called from any
// goroutine.
type Ring struct {
	mu    sync.Mutex
	lines [][]byte // the oldest first
	first uint64   // the number of lines[0]; numbers grow by one
	bytes int
	more  chan struct{} // closed with the next line; nil while nobody waits
}

// NewRing makes an empty ring.
func NewRing() *Ring { return &Ring{} }

// Tee gives a logger that writes to log and, what log takes, to the ring too.
func (r *Ring) Tee(log *slog.Logger) *slog.Logger {
	keep := slog.NewJSONHandler(ringWriter{r}, &slog.HandlerOptions{Level: slog.Level(-100), ReplaceAttr: durations})
	return slog.New(tee{show: log.Handler(), keep: keep})
}

// Line is one record: a JSON object with time, level, msg and the attributes.
type Line = json.RawMessage

// Last gives at most n of the newest lines that pass keep (nil passes all),
// the oldest first, and the position after them, for Next. It does not block.
func (r *Ring) Last(n int, keep func(Line) bool) ([]Line, uint64) {
	r.mu.Lock()
	lines := slices.Clone(r.lines)
	at := r.first + uint64(len(lines))
	r.mu.Unlock()
	var out []Line
	for _, line := range slices.Backward(lines) {
		if len(out) >= n {
			break
		}
		if keep == nil || keep(line) {
			out = append(out, line)
		}
	}
	slices.Reverse(out)
	return out, at
}

// Next gives the lines from a position on, the position after them, and how
// many lines between were lost. It blocks until there is a line or ctx ends,
// whose error it then gives.
func (r *Ring) Next(ctx context.Context, at uint64) (lines []Line, next, lost uint64, err error) {
	for {
		lines, next, lost, more := r.since(at)
		if len(lines) > 0 {
			return lines, next, lost, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, at, 0, ctx.Err()
		}
	}
}

func (r *Ring) since(at uint64) (lines []Line, next, lost uint64, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at < r.first {
		at, lost = r.first, r.first-at
	}
	next = r.first + uint64(len(r.lines))
	if at >= next {
		if r.more == nil {
			r.more = make(chan struct{})
		}
		return nil, at, 0, r.more
	}
	for _, line := range r.lines[at-r.first:] {
		lines = append(lines, line)
	}
	return lines, next, lost, nil
}

func (r *Ring) add(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
	r.bytes += len(line)
	for len(r.lines) > RingRecords || r.bytes > ringBytes {
		r.bytes -= len(r.lines[0])
		r.lines[0] = nil
		r.lines = r.lines[1:]
		r.first++
	}
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
}

// ringWriter takes what a JSON handler writes: one whole line at a time.
type ringWriter struct{ ring *Ring }

func (w ringWriter) Write(p []byte) (int, error) {
	line := bytes.Clone(bytes.TrimSuffix(p, []byte("\n")))
	if len(line) > ringLine {
		line = bare(line)
	}
	w.ring.add(line)
	return len(p), nil
}

// bare is a line without its attributes but for the server.
func bare(line []byte) []byte {
	var head struct {
		Time   time.Time `json:"time"`
		Level  string    `json:"level"`
		Msg    string    `json:"msg"`
		Server string    `json:"server,omitempty"`
		Cut    int       `json:"bytes_left_out"`
	}
	if json.Unmarshal(line, &head) != nil || len(head.Msg)+len(head.Server) > ringLine/2 {
		head.Msg, head.Server = "a record that is too large to keep", ""
	}
	head.Cut = len(line)
	out, err := json.Marshal(head)
	if err != nil {
		panic("internal: cannot marshal a log line: " + err.Error()) // Only its time could be at fault, and it was read.
	}
	return out
}

// tee shows records and keeps what it shows.
type tee struct{ show, keep slog.Handler }

func (t tee) Enabled(ctx context.Context, l slog.Level) bool { return t.show.Enabled(ctx, l) }

func (t tee) Handle(ctx context.Context, r slog.Record) error {
	_ = t.keep.Handle(ctx, r.Clone()) // A ring takes everything.
	return t.show.Handle(ctx, r)
}

func (t tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tee{t.show.WithAttrs(attrs), t.keep.WithAttrs(attrs)}
}

func (t tee) WithGroup(name string) slog.Handler {
	return tee{t.show.WithGroup(name), t.keep.WithGroup(name)}
}
