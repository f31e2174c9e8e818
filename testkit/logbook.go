package testkit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Line is one line of the gateway's JSON log.
type Line struct {
	Time  time.Time
	Level string
	Msg   string
	Attrs map[string]any // numbers are json.Number
	Raw   string
}

// Str returns an attribute as text, empty if it is missing.
func (l Line) Str(key string) string {
	v, ok := l.Attrs[key]
	if !ok {
		return ""
	}
	return fmt.Sprint(v)
}

// Int returns a numeric attribute, 0 if it is missing or no integer.
func (l Line) Int(key string) int {
	n, ok := l.Attrs[key].(json.Number)
	if !ok {
		return 0
	}
	i, _ := n.Int64() // 0 if it is none.
	return int(i)
}

// Strs returns an attribute that is a list of texts.
func (l Line) Strs(key string) []string {
	list, _ := l.Attrs[key].([]any)
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// is reports whether the line has this message and each of the attributes, given
// as key, value, key, value and compared as text.
func (l Line) is(msg string, attrs []any) bool {
	if l.Msg != msg {
		return false
	}
	for i := 0; i+1 < len(attrs); i += 2 {
		if l.Str(fmt.Sprint(attrs[i])) != fmt.Sprint(attrs[i+1]) {
			return false
		}
	}
	return true
}

// Book collects a gateway's log as it is written.
type Book struct {
	mu      sync.Mutex
	lines   []Line
	other   []string // lines that are no JSON object
	ended   bool
	changed chan struct{} // closed and replaced with each line
}

func newBook() *Book { return &Book{changed: make(chan struct{})} }

// read takes lines until r ends.
func (b *Book) read(r io.Reader) {
	br := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := br.ReadString('\n')
		if line != "" {
			b.add(strings.TrimRight(line, "\r\n"))
		}
		if err != nil {
			b.update(func() { b.ended = true })
			return
		}
	}
}

func (b *Book) add(raw string) {
	line, ok := parseLine(raw)
	b.update(func() {
		if ok {
			b.lines = append(b.lines, line)
		} else {
			b.other = append(b.other, raw)
		}
	})
}

func (b *Book) update(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
}

func parseLine(raw string) (Line, bool) {
	dec := json.NewDecoder(bytes.NewReader([]byte(raw)))
	dec.UseNumber()
	l := Line{Raw: raw}
	if err := dec.Decode(&l.Attrs); err != nil || l.Attrs == nil {
		return Line{}, false
	}
	l.Msg, l.Level = l.Str("msg"), l.Str("level")
	l.Time, _ = time.Parse(time.RFC3339Nano, l.Str("time")) // Zero if it is none.
	return l, true
}

// since returns the lines from an index on, whether the log has ended, and a
// channel that is closed when there is more.
func (b *Book) since(i int) (lines []Line, ended bool, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines[min(i, len(b.lines)):], b.ended, b.changed
}

// Len is the number of lines so far; use it as a mark for AwaitFrom.
func (b *Book) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.lines)
}

// Lines returns a copy of all lines so far.
func (b *Book) Lines() []Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Line(nil), b.lines...)
}

// Other returns the lines that were no JSON objects: plain messages of the
// command line, or the race detector's report.
func (b *Book) Other() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.other...)
}

// Text is everything that was written, for searching it for what must not be
// there.
func (b *Book) Text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s strings.Builder
	for _, l := range b.lines {
		s.WriteString(l.Raw + "\n")
	}
	for _, l := range b.other {
		s.WriteString(l + "\n")
	}
	return s.String()
}
