package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/audit"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

var errFull = errors.New("no space left on device")

// disk keeps real files. The test can fill it, block it and look into it.
type disk struct {
	path string
	gate chan struct{} // if set, each Write first receives from it

	hasty bool // its logs wait only as long as those of a gateway do

	mu     sync.Mutex
	room   func(n int) int // how many of n bytes are taken; nil takes all
	writes int
	syncs  int
	closed int
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	return &disk{path: filepath.Join(t.TempDir(), "audit.jsonl")}
}

// open opens a log on the disk. It is patient: a busy machine may stall for seconds.
func (d *disk) open(t *testing.T, o audit.Options) *audit.Log {
	t.Helper()
	if o.Instance == "" {
		o.Instance = "inst"
	}
	if !d.hasty {
		o = audit.Patient(o)
	}
	l, err := audit.OpenWith(d.path, o, func(path string) (audit.File, error) {
		f, err := audit.OpenFile(path)
		return &diskFile{f, d}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// setRoom changes how much the disk takes.
func (d *disk) setRoom(room func(n int) int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = room
}

func (d *disk) content(t *testing.T) string { return content(t, d.path) }

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type diskFile struct {
	audit.File
	disk *disk
}

func (f *diskFile) Write(b []byte) (int, error) {
	d := f.disk
	if d.gate != nil {
		<-d.gate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	n := len(b)
	if d.room != nil {
		n = min(n, d.room(n))
	}
	if _, err := f.File.Write(b[:n]); err != nil {
		return 0, err
	}
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func (f *diskFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.syncs++
	return nil
}

func (f *diskFile) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.closed++
	return f.File.Close()
}

func nothing(int) int { return 0 }

// line is any line of the file.
type line struct {
	audit.Record
	Version string `json:"version"`
	Lost    uint64 `json:"lost"`
	Count   uint64 `json:"count"`
	Names   string `json:"names"`
	Address string `json:"address"`
}

// lines parses every line; one that is not JSON, or has no end, fails the test.
func lines(t *testing.T, content string) (list []line) {
	t.Helper()
	if content != "" && !strings.HasSuffix(content, "\n") {
		t.Fatalf("the last line has no end: %.200q", content[max(0, len(content)-200):])
	}
	for text := range strings.Lines(content) {
		if text == "\n" {
			continue // Who can't get the lock may leave one.
		}
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("a line is not JSON: %v: %.300q", err, text)
		}
		list = append(list, l)
	}
	return list
}

// records is what the content has of records. It fails the test unless the
// lines of each instance are numbered without a gap.
func records(t *testing.T, content string) (list []audit.Record) {
	t.Helper()
	last := map[string]uint64{}
	for _, l := range lines(t, content) {
		if l.Seq != last[l.Instance]+1 {
			t.Fatalf("instance %s: number %d comes after %d, want %d", l.Instance, l.Seq, last[l.Instance], last[l.Instance]+1)
		}
		last[l.Instance] = l.Seq
		if l.Event == "" || l.Event == "begin" {
			list = append(list, l.Record)
		}
	}
	return list
}

// lostLines adds up what the content says of losses.
func lostLines(t *testing.T, content string) (sum uint64) {
	t.Helper()
	for _, l := range lines(t, content) {
		if (l.Lost > 0) != (l.Event == "lost") {
			t.Errorf("line %+v is and is not about losses", l)
		}
		sum += l.Lost
	}
	return sum
}

func closeLog(t *testing.T, l *audit.Log) {
	t.Helper()
	if err := tryClose(t, l); err != nil {
		t.Fatal(err)
	}
}

func tryClose(t *testing.T, l *audit.Log) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return l.Close(ctx)
}

// logTo is a logger whose lines are JSON.
func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }
