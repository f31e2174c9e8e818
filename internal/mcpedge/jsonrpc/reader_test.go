package jsonrpc_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
)

// aLine is one line that a reader returned.
type aLine struct {
	data []byte
	over bool
}

// readLines reads all lines of r, those up to the limit whole.
func readLines(r io.Reader, limit int) (all []aLine) {
	lines := jsonrpc.NewReader(r, jsonrpc.Limits{
		Keep: min(limit, jsonrpc.ReadBuffer), Keeps: func() int64 { return int64(limit) }, Endless: 256 << 20,
	})
	defer lines.Close()
	for {
		l, err := lines.Next()
		if err != nil {
			return all
		}
		all = append(all, aLine{bytes.Clone(l.Data), l.Over != nil})
	}
}

// pieces reads in pieces of random sizes.
type pieces struct {
	data   []byte
	random *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	n := copy(b[:min(len(b), 1+p.random.IntN(200<<10))], p.data)
	p.data = p.data[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Lines of any size, in pieces of any size, come out as they went in; of those
// beyond the limit only the beginning, and the next is not harmed.
func TestLines_ofAnySizeInPiecesOfAnySize(t *testing.T) {
	for seed := range uint64(12) {
		limit := []int{200 << 10, 200 << 10, 100, 4096}[seed%4]
		sizes := []int{0, 1, 100, 4095, 4096, 4097, 64 << 10, 64<<10 + 1, 128 << 10, limit, limit + 1, 300 << 10, 512 << 10}
		random := rand.New(rand.NewPCG(seed, 1))
		var sent [][]byte
		var stream []byte
		for range 30 {
			line := bytes.Repeat([]byte{byte('a' + random.IntN(26))}, sizes[random.IntN(len(sizes))])
			sent = append(sent, line)
			stream = append(append(stream, line...), '\n')
		}
		got := readLines(&pieces{stream, random}, limit)
		if len(got) != len(sent) {
			t.Fatalf("seed %d: got %d lines, want %d", seed, len(got), len(sent))
		}
		for i, want := range sent {
			if over := len(want) > limit; got[i].over != over || !over && !bytes.Equal(got[i].data, want) || !bytes.HasPrefix(want, got[i].data) {
				t.Fatalf("seed %d, line %d of %d bytes: got %d bytes, over %v, want the line, or over %v", seed, i, len(want), len(got[i].data), got[i].over, over)
			}
		}
	}
}

func TestLines_lastOneWithoutAnEnd(t *testing.T) {
	got := readLines(bytes.NewReader([]byte("a\r\n\nb")), 100)
	if len(got) != 3 || string(got[0].data) != "a" || len(got[1].data) != 0 || string(got[2].data) != "b" {
		t.Errorf("got %+v, want a, an empty line and b", got)
	}
}

// pipe reads as much at a time as a pipe does.
type pipe struct{ io.Reader }

func (p pipe) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), 128<<10)]) }

// A line costs a few times its own size while its buffer grows, not many times.
func TestLines_memoryOfALargeLine(t *testing.T) {
	const size = 17 << 20
	in := bytes.Repeat([]byte("x"), size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines := readLines(pipe{bytes.NewReader(in)}, 32<<20)
	runtime.ReadMemStats(&after)
	if len(lines) != 1 || len(lines[0].data) != size {
		t.Fatalf("got %d lines, want one of %d bytes", len(lines), size)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 5*size {
		t.Errorf("a line of %d MiB took %d MiB, want 5 times as much at most", size>>20, used>>20)
	}
}

// slow is a stream whose writer is silent after each of its parts, at least for as long
// as a reader waits for more.
type slow struct {
	parts    []string
	bounded  bool // the next read ends with the silence
	silent   bool // the last part is over, and the next has not begun
	silences int  // how many of them were waited for
}

func (s *slow) wait(d time.Duration) error {
	s.bounded = d > 0
	return nil
}

func (s *slow) Read(b []byte) (int, error) {
	if s.silent && s.bounded {
		s.silences++
		return 0, os.ErrDeadlineExceeded
	}
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.parts[0])
	s.parts[0] = s.parts[0][n:]
	s.silent = s.parts[0] == ""
	if s.silent {
		s.parts = s.parts[1:]
	}
	return n, nil
}

func (s *slow) reader() *jsonrpc.Reader {
	return jsonrpc.NewReader(s, jsonrpc.Limits{
		Keep: jsonrpc.ReadBuffer, Keeps: func() int64 { return 32 << 20 }, Endless: 256 << 20, Wait: s.wait, Silence: time.Second,
	})
}

// However many messages share a line without an end, each byte is searched for that
// end once.
func TestLines_manyMessagesWithoutAnEnd_areSearchedOnce(t *testing.T) {
	const message, n = `{"method":"x"}`, 1000
	s := &slow{parts: []string{strings.Repeat(message, n) + `{"params":{}`, `,"method":"y"}` + "\nz\n"}}
	lines := s.reader()
	defer lines.Close()
	for i := range n {
		l, err := lines.Next()
		if err != nil || string(l.Data) != message {
			t.Fatalf("message %d: got %q, %v, want %s", i, l.Data[:min(100, len(l.Data))], err, message)
		}
		if left := lines.Unsearched(); left != 0 && i > 0 {
			t.Fatalf("after message %d: got %d bytes that would be searched again, want none", i, left)
		}
	}
	for _, want := range []string{`{"params":{},"method":"y"}`, "z"} {
		if l, err := lines.Next(); err != nil || string(l.Data) != want {
			t.Fatalf("got %q, %v, want %s", l.Data, err, want)
		}
	}
}

// What is large and no message is not parsed anew at each silence: a server could keep
// a processor busy with a byte a second. What is small is, as it may have been half a
// message.
func TestLines_whatIsNoMessage_isNotParsedAtEachSilence(t *testing.T) {
	for name, c := range map[string]struct {
		first, drop string
		least, most int
	}{
		"large, and braces":     {`{` + strings.Repeat("}", 3<<20), "}", 1, 1},
		"small, and braces":     {`{"a":{}`, "}", 100, 101},
		"a message and blanks":  {`[1]` + strings.Repeat(" ", 100<<10), " ", 0, 0},
		"a message that pauses": {`{"a":{}`, ` `, 50, 101},
	} {
		s := &slow{parts: []string{c.first}}
		for range 100 {
			s.parts = append(s.parts, c.drop)
		}
		lines := s.reader()
		for {
			if _, err := lines.Next(); err != nil {
				break
			}
		}
		lines.Close()
		if s.silences < c.least || s.silences > c.most {
			t.Errorf("%s: got %d silences waited for, want %d to %d", name, s.silences, c.least, c.most)
		}
	}
}

// A large message whose writer paused within it is read at the end of its line, as ever.
func TestLines_largeMessageInSlowParts_isReadWhole(t *testing.T) {
	part := `{"a":"` + strings.Repeat("x", 2<<20) + `"}`
	want := `{"result":[` + part + `,` + part + `]}`
	s := &slow{parts: []string{want[:len(part)+11], want[len(part)+11:] + "\n", `{"method":"x"}`}}
	lines := s.reader()
	defer lines.Close()
	for _, want := range []string{want, `{"method":"x"}`} {
		if l, err := lines.Next(); err != nil || string(l.Data) != want {
			t.Fatalf("got %d bytes, %v, want %d", len(l.Data), err, len(want))
		}
	}
}
