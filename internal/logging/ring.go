package logging

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/rawjson"
)

// The limits of a Ring.
const (
	// RingRecords is how many records are kept that are not about a server, and
	// how far a follower may fall behind.
	RingRecords = 2000
	// RingServerRecords is how many records about each server are kept.
	RingServerRecords = 300
	// ringBytes limits what records that are not about a server hold together,
	// ringServerBytes those about one server.
	ringBytes       = 4 << 20
	ringServerBytes = 512 << 10
	// ringServers is how many servers have room of their own; the rest share
	// that of records about no server.
	ringServers = 512
	// ringLine limits one record; a larger one is kept without its attributes.
	ringLine = 32 << 10
)

// Ring keeps the last records of a log, each as one line of JSON, for whoever
// asks later or follows. Each server has room of its own, so one that says much
// pushes out nothing of the others. Writers never wait for readers: a reader that is too
// slow loses lines and learns how many. Its methods may be called from any
// goroutine.
type Ring struct {
	mu      sync.Mutex
	recent  shelf             // all records, for followers
	general shelf             // those about no server
	servers map[string]*shelf // those about one
	next    uint64            // the number of the next line; numbers grow by one
	more    chan struct{}     // closed with the next line; nil while nobody waits
}

// shelf has room for some lines, the oldest first.
type shelf struct {
	lines []numbered
	bytes int
}

type numbered struct {
	n    uint64
	line Line
}

func (s *shelf) add(l numbered, records, size int) {
	s.lines = append(s.lines, l)
	s.bytes += len(l.line)
	for len(s.lines) > records || s.bytes > size {
		s.bytes -= len(s.lines[0].line)
		s.lines[0] = numbered{}
		s.lines = s.lines[1:]
	}
}

// NewRing makes an empty ring.
func NewRing() *Ring { return &Ring{servers: map[string]*shelf{}} }

// Tee returns a logger that writes to log and, what log takes, to the ring too.
func (r *Ring) Tee(log *slog.Logger) *slog.Logger {
	keep := slog.NewJSONHandler(ringWriter{r}, &slog.HandlerOptions{Level: slog.Level(-100), ReplaceAttr: durations})
	return slog.New(tee{show: log.Handler(), keep: keep})
}

// Line is one record: a JSON object with time, level, msg and the attributes.
type Line = json.RawMessage

// Last returns at most n of the newest lines that pass keep (nil passes all),
// the oldest first, and the position after them, for Next. It does not block.
func (r *Ring) Last(n int, keep func(Line) bool) ([]Line, uint64) {
	r.mu.Lock()
	kept := slices.Clone(r.general.lines)
	for _, s := range r.servers {
		kept = append(kept, s.lines...)
	}
	at := r.next
	r.mu.Unlock()
	slices.SortFunc(kept, func(a, b numbered) int { return cmp.Compare(a.n, b.n) })
	var out []Line
	for _, l := range slices.Backward(kept) {
		if len(out) >= n {
			break
		}
		if keep == nil || keep(l.line) {
			out = append(out, l.line)
		}
	}
	slices.Reverse(out)
	return out, at
}

// Next returns the lines from a position on, the position after them, and how
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
	if first := r.next - uint64(len(r.recent.lines)); at < first {
		at, lost = first, first-at
	}
	if at >= r.next {
		if r.more == nil {
			r.more = make(chan struct{})
		}
		return nil, at, 0, r.more
	}
	for _, l := range r.recent.lines[uint64(len(r.recent.lines))-(r.next-at):] {
		lines = append(lines, l.line)
	}
	return lines, r.next, lost, nil
}

func (r *Ring) add(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := numbered{r.next, line}
	r.next++
	r.recent.add(l, RingRecords, ringBytes)
	if s := r.shelfOf(serverOf(line)); s != nil {
		s.add(l, RingServerRecords, ringServerBytes)
	} else {
		r.general.add(l, RingRecords, ringBytes)
	}
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
}

// shelfOf returns the room of a server, nil if it has none.
func (r *Ring) shelfOf(server string) *shelf {
	s, ok := r.servers[server]
	if !ok && server != "" && len(r.servers) < ringServers {
		s = &shelf{}
		r.servers[strings.Clone(server)] = s
	}
	return s
}

// serverOf is the first "server" of a line, as JSON writes it; "" for none. A
// line that is taken to be about another server than it is does no harm.
func serverOf(line []byte) string {
	_, rest, ok := bytes.Cut(line, []byte(`"server":"`))
	if !ok {
		return ""
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			return string(rest[:i])
		}
	}
	return ""
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
	if rawjson.Decode(line, &head) != nil || len(head.Msg)+len(head.Server) > ringLine/2 {
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
