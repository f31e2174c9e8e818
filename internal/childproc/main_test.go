package childproc_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/childproc"
)

// role is the environment variable by which the test binary, started again,
// knows which misbehaving child it is to be.
const role = "CHILDPROC_TEST_ROLE"

// deadline is how long an event may take before a test gives up on it. It is
// not a claim about speed.
const deadline = 3 * time.Minute

// plainEnd is the exit of a child that ended by itself and was content.
const plainEnd = "exit status 0"

func TestMain(m *testing.M) {
	if name, ok := os.LookupEnv(role); ok {
		play(name)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// roles are the children that every system can play.
var roles = map[string]func(){
	"exits early": func() {
		fmt.Fprintln(os.Stderr, "first complaint")
		fmt.Fprintln(os.Stderr, "last complaint")
		os.Exit(3)
	},
	"prints its world": func() {
		dir, err := os.Getwd()
		fmt.Printf("%q\n%q\n%q %v\n", os.Args, slices.Sorted(slices.Values(os.Environ())), dir, err)
	},
	"echoes until the end of stdin": func() { _, _ = io.Copy(os.Stdout, os.Stdin) },
	"never ends": func() {
		fmt.Println("ready")
		forever()
	},
	"writes then exits at once": func() {
		_, _ = os.Stdout.WriteString(strings.Repeat("x", burst-1) + "\n")
	},
	"floods stderr": func() {
		for i := range floodLines {
			fmt.Fprintln(os.Stderr, "line", i)
		}
	},
	"writes an endless line to stderr": func() {
		chunk := []byte(strings.Repeat("e", 1<<20))
		for range 4 {
			_, _ = os.Stderr.Write(chunk)
		}
		fmt.Println("written")
		_, _ = io.Copy(io.Discard, os.Stdin)
	},
	"writes odd lines to stderr": func() {
		_, _ = os.Stderr.WriteString("\n  \nwindows\r\nbad \xff byte\n" +
			strings.Repeat("é", 10_000) + "\nafter\nunfinished")
	},
}

const (
	burst      = 60_000 // fits into a pipe, so the child need not wait for a reader
	floodLines = 20_000
)

// forever blocks in a way that the runtime does not take for a deadlock.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

func play(name string) {
	f, ok := roles[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such role:", name)
		os.Exit(99)
	}
	f()
}

// command is the test binary in the given role.
func command(t *testing.T, name string) childproc.Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// GOCOVERDIR keeps a binary built for coverage from complaining on stderr.
	// GORACE keeps the race detector from sleeping for a second at exit.
	return childproc.Command{
		Name: self,
		Env:  []string{role + "=" + name, "GOCOVERDIR=" + t.TempDir(), "GORACE=atexit_sleep_ms=0"},
		Dir:  t.TempDir(),
	}
}

// start starts c and makes sure that nothing of it outlives the test.
func start(t *testing.T, c childproc.Command) *childproc.Process {
	t.Helper()
	p, err := childproc.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		_ = p.Stdout().Close()
		await(t, p.Done(), "the child's end")
	})
	return p
}

func await(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(deadline):
		t.Fatalf("%s did not come", what)
	}
}

// readAll reads stdout to its end in the background, as an owner would.
func readAll(p *childproc.Process) func(t *testing.T) string {
	type result struct {
		data []byte
		err  error
	}
	ch := make(chan result, 1)
	go func() {
		data, err := io.ReadAll(p.Stdout())
		ch <- result{data, err}
	}()
	return func(t *testing.T) string {
		t.Helper()
		select {
		case r := <-ch:
			if r.err != nil {
				t.Errorf("reading stdout: got %v, want its plain end", r.err)
			}
			return string(r.data)
		case <-time.After(deadline):
			t.Fatal("stdout did not end")
			return ""
		}
	}
}

// readLine reads stdout up to the first line end.
func readLine(t *testing.T, p *childproc.Process) string {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := p.Stdout().Read(b); err != nil {
			t.Fatalf("reading stdout after %q: %v; stderr: %q, want a line", line, err, p.StderrTail())
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}
