package browser

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"gatehouse/testkit"
)

// Options say what kind of screen a person looks at.
type Options struct {
	Width, Height int  // in CSS pixels; 1280 by 800 if zero
	Dark          bool // prefers dark colours
	Phone         bool // a touch screen that honours the viewport element
}

// Browser is one headless Chromium with a profile of its own: what its pages
// store and which cookies they have, no other browser sees.
type Browser struct {
	Version string // Chromium's

	mu     sync.Mutex // held over one request and its answer
	stdin  io.WriteCloser
	lines  chan []byte // closed with the driver's standard output
	stderr *bytes.Buffer
	done   chan struct{} // closed when the driver has ended
}

// Start starts a browser, which ends with the test. Where there is no Chromium
// it skips the test and says so.
func Start(t testing.TB, opt Options) *Browser {
	t.Helper()
	in := find(t)
	options, err := json.Marshal(map[string]any{
		"width": cmp.Or(opt.Width, 1280), "height": cmp.Or(opt.Height, 800),
		"dark": opt.Dark, "phone": opt.Phone, "patience": testkit.Patience.Milliseconds(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(in.node, in.driver, in.modules, in.chromium, string(options))
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"HOME=" + cmd.Dir, "TMPDIR=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}, in.env...)
	b := &Browser{lines: make(chan []byte), stderr: &bytes.Buffer{}, done: make(chan struct{})}
	cmd.Stderr = b.stderr
	b.run(t, cmd)
	version, ok := b.answer(t).(string)
	if !ok {
		t.Fatalf("cannot start %s: the driver did not say its version", in.chromium)
	}
	b.Version = version
	return b
}

func (b *Browser) run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	var err error
	if b.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ending := make(chan struct{})
	go func() {
		defer close(b.done)
		b.read(stdout, ending)
		_ = cmd.Wait() // Its standard error tells why it failed.
	}()
	t.Cleanup(func() {
		close(ending)
		_ = b.stdin.Close() // It may have ended by itself.
		select {
		case <-b.done:
		case <-time.After(testkit.Patience):
			_ = cmd.Process.Kill()
			t.Error("the browser did not end with its input")
		}
	})
}

// read passes the driver's lines on, and drops them once the test is ending.
func (b *Browser) read(from io.Reader, ending <-chan struct{}) {
	defer close(b.lines)
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		select {
		case b.lines <- line:
		case <-ending:
		}
	}
}

// do has the driver do something and returns what it says.
func (b *Browser) do(t testing.TB, call string, page int, args ...any) any {
	t.Helper()
	if args == nil {
		args = []any{}
	}
	line, err := json.Marshal(map[string]any{"call": call, "page": page, "args": args})
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.stdin.Write(append(line, '\n')); err != nil {
		t.Fatalf("%s %v: the browser is gone: %v", call, args, err)
	}
	return b.answer(t)
}

// answer waits for one line of the driver. The driver itself gives up after
// Patience; that long again is for a machine that is busy.
func (b *Browser) answer(t testing.TB) any {
	t.Helper()
	select {
	case line, ok := <-b.lines:
		if !ok {
			<-b.done
			t.Fatalf("the browser has ended: %s, want an answer", b.stderr)
		}
		var v struct {
			Result any
			Error  string
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("the driver said %q: %v, want JSON", line, err)
		}
		if v.Error != "" {
			t.Fatalf("the browser says: %s, want it done", v.Error)
		}
		return v.Result
	case <-time.After(2 * testkit.Patience):
		t.Fatal("the browser did not answer")
	}
	return nil
}
