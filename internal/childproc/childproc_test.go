package childproc_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/internal/childproc"
)

func TestStart_childExitsEarly_statusAndStderrAreKept(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	c := command(t, "exits early")
	c.OnStderr = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, line)
	}
	p := start(t, c)
	out := readAll(p)
	await(t, p.Done(), "Done")
	if got := p.Exit(); got != "exit status 3" {
		t.Errorf("got exit %q, want exit status 3", got)
	}
	want := []string{"first complaint", "last complaint"}
	if got := p.StderrTail(); !slices.Equal(got, want) {
		t.Errorf("got stderr tail %q, want %q", got, want)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(heard, want) {
		t.Errorf("OnStderr heard %q, want %q", heard, want)
	}
	if got := out(t); got != "" {
		t.Errorf("got stdout %q, want none", got)
	}
}

func TestStart_childThatRuns_hasAPIDAndNoExit(t *testing.T) {
	p := start(t, command(t, "never ends"))
	if got := p.Exit(); got != "" || p.PID() <= 0 {
		t.Errorf("got pid %d and exit %q, want a pid and no exit yet", p.PID(), got)
	}
}

func TestStart_argumentsEnvironmentAndFolder_areExactlyThoseGiven(t *testing.T) {
	t.Setenv("CHILDPROC_TEST_LEAK", "must not be inherited")
	c := command(t, "prints its world")
	c.Args = []string{"a b", "", `"c`}
	c.Env = append(c.Env, "TWICE=first", "TWICE=second", "EMPTY=")
	p := start(t, c)
	got := readAll(p)(t)
	for _, want := range []string{
		fmt.Sprintf("%q", append([]string{c.Name}, c.Args...)), `"TWICE=second"`, `"EMPTY="`, filepath.Base(c.Dir),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the child does not have %s; it has\n%s", want, got)
		}
	}
	for _, unwanted := range []string{"LEAK", "first"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the child should not have %s; it has\n%s", unwanted, got)
		}
	}
}

func TestStart_emptyEnvironment_isNotTheGatewaysOwn(t *testing.T) {
	t.Setenv(role, "exits early") // would be inherited with the rest
	c := command(t, "")
	c.Env = nil
	c.Args = []string{"-test.run=^$"}
	p := start(t, c)
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if got := p.Exit(); got == "exit status 3" {
		t.Errorf("got exit %q, want another one: the child must not inherit the environment", got)
	}
}

func TestProcess_stdinAndStdout_carryDataBothWays(t *testing.T) {
	p := start(t, command(t, "echoes until the end of stdin"))
	out := readAll(p)
	if _, err := io.WriteString(p.Stdin(), "hello\n"); err != nil {
		t.Fatal(err)
	}
	if err := p.Stdin().Close(); err != nil {
		t.Fatal(err)
	}
	if got := out(t); got != "hello\n" {
		t.Errorf("got %q, want what was sent", got)
	}
	await(t, p.Done(), "Done")
	if p.Exit() != plainEnd {
		t.Errorf("got exit %s, want exit status 0", p.Exit())
	}
	if _, err := p.Stdin().Write([]byte("x")); err == nil {
		t.Error("stdin can still be written to after Done")
	}
}

func TestProcess_childWritesThenExits_allOutputCanBeReadAfterItsDeath(t *testing.T) {
	for range 10 {
		p := start(t, command(t, "writes then exits at once"))
		out := readAll(p)
		await(t, p.Done(), "Done")
		if got := len(out(t)); got != burst {
			t.Fatalf("got %d bytes, want %d", got, burst)
		}
	}
}

func TestProcess_ownerClosesStdout_doneDoesNotWaitForIt(t *testing.T) {
	p := start(t, command(t, "writes then exits at once"))
	if err := p.Stdout().Close(); err != nil {
		t.Fatal(err)
	}
	await(t, p.Done(), "Done")
}

func TestProcess_ownerNeverReads_doneStillComes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("pipes there are too small for what the child writes: it waits for a reader")
	}
	p := start(t, command(t, "writes then exits at once"))
	await(t, p.Done(), "Done")
	if n, err := p.Stdout().Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("reading after Done: got %d, %v; want the plain end", n, err)
	}
}

func TestStop_childThatEndsWithStdin_endsByItself(t *testing.T) {
	p := start(t, command(t, "echoes until the end of stdin"))
	out := readAll(p)
	p.Stop(time.Hour)
	p.Stop(2 * time.Hour) // changes nothing
	await(t, p.Done(), "Done")
	if got := out(t); got != "" || p.Exit() != plainEnd {
		t.Errorf("got exit %s and output %q, want a plain end", p.Exit(), got)
	}
	p.Stop(time.Second)
	p.Kill() // after the end nothing is signalled
}

func TestStop_calledAgainWithLess_endsSooner(t *testing.T) {
	p := start(t, command(t, "never ends"))
	if got := readLine(t, p); got != "ready" {
		t.Fatalf("got %q, want %q", got, "ready")
	}
	p.Stop(time.Hour)
	p.Stop(0)
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if p.Exit() == plainEnd {
		t.Errorf("got %q, want a killed child", p.Exit())
	}
}

func TestStderr_flood_isThinnedOutAndCounted(t *testing.T) {
	var heard, missed int
	c := command(t, "floods stderr")
	c.OnStderr = func(line string) { // one goroutine, which ends before Done
		var n int
		if _, err := fmt.Sscanf(line, "(%d lines left out)", &n); err == nil {
			missed += n
			return
		}
		heard++
	}
	p := start(t, c)
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if heard+missed != floodLines {
		t.Errorf("heard %d lines and missed %d, want %d together", heard, missed, floodLines)
	}
	if missed == 0 {
		t.Error("no line was left out of a flood")
	}
	tail := p.StderrTail()
	if len(tail) != 50 || tail[49] != "line "+strconv.Itoa(floodLines-1) || tail[0] != "line "+strconv.Itoa(floodLines-50) {
		t.Errorf("got a tail of %d lines, %q to %q; want the last 50", len(tail), tail[0], tail[len(tail)-1])
	}
}

func TestStderr_endlessLine_isCutAndBlocksNothing(t *testing.T) {
	lines := make(chan string, 10)
	c := command(t, "writes an endless line to stderr")
	c.OnStderr = func(line string) { lines <- line }
	p := start(t, c)
	if got := readLine(t, p); got != "written" { // the child was never stuck
		t.Fatalf("got %q, want %q", got, "written")
	}
	select {
	case line := <-lines: // though its end has not come
		if len(line) > 8<<10 || !strings.HasPrefix(line, "eeee") {
			t.Errorf("got a line of %d bytes, want at most 8 KiB of it", len(line))
		}
	case <-time.After(deadline):
		t.Fatal("the line was not handed out")
	}
	p.Stop(time.Hour)
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if got := p.StderrTail(); len(got) != 1 || len(lines) != 0 {
		t.Errorf("got %d lines in the tail and %d more heard, want one line only", len(got), len(lines))
	}
}

func TestStderr_oddLines_areMadePresentable(t *testing.T) {
	p := start(t, command(t, "writes odd lines to stderr"))
	readAll(p)(t)
	await(t, p.Done(), "Done")
	got := p.StderrTail()
	if len(got) != 5 {
		t.Fatalf("got %d lines %.80q, want 5", len(got), got)
	}
	for i, want := range map[int]string{0: "windows", 1: "bad \uFFFD byte", 3: "after", 4: "unfinished"} {
		if got[i] != want {
			t.Errorf("line %d: got %q, want %q", i, got[i], want)
		}
	}
	if long := got[2]; !utf8.ValidString(long) || len(long) > 8<<10 || !strings.HasSuffix(long, "é…") {
		t.Errorf("the long line was not cut between two letters: %d bytes, ends in %q", len(long), long[len(long)-8:])
	}
}

func TestStderr_secretAcrossTheCut_isRedactedFirst(t *testing.T) {
	secret := strings.Repeat("e", 16) // the endless line is nothing but secrets
	heard := make(chan string, 10)
	c := command(t, "writes an endless line to stderr")
	c.OnStderr = func(line string) { heard <- line }
	c.Redact = func(s string) string { return strings.ReplaceAll(s, secret, "#") }
	p := start(t, c)
	p.Stop(time.Hour)
	readAll(p)(t)
	await(t, p.Done(), "Done")
	for _, line := range append(p.StderrTail(), <-heard) {
		if strings.Contains(line, "e") {
			t.Errorf("no piece of the secret may be left in %.40q, want none", line)
		}
	}
}

func TestStderr_callbackThatBlocks_doesNotKeepDoneFromComing(t *testing.T) {
	release := make(chan struct{})
	returned := make(chan struct{})
	c := command(t, "exits early")
	var once sync.Once
	c.OnStderr = func(string) {
		<-release
		once.Do(func() { close(returned) })
	}
	p := start(t, c)
	out := readAll(p)
	await(t, p.Done(), "Done")
	out(t)
	close(release)
	await(t, returned, "the callback's return")
}

func TestStart_cannotStart_saysWhy(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plain.txt")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		c    childproc.Command
		want []string
	}{
		"no command": {childproc.Command{}, []string{"no command"}},
		"a name that is nowhere in the child's PATH": {
			childproc.Command{Name: "uvx-that-is-not-there", Env: []string{"PATH=" + dir}},
			[]string{`executable "uvx-that-is-not-there" not found in PATH`},
		},
		"a name without any PATH": {childproc.Command{Name: "ls"}, []string{`executable "ls" not found in PATH`}},
		"a path that does not exist": {
			childproc.Command{Name: filepath.Join(dir, "nothing")}, []string{"does not exist", "nothing"},
		},
		"a folder": {childproc.Command{Name: dir}, []string{"directory"}},
		"a working directory that does not exist": {
			childproc.Command{Name: file, Dir: filepath.Join(dir, "gone")}, []string{"working directory", "gone", "does not exist"},
		},
		"a working directory that is a file": {
			childproc.Command{Name: file, Dir: file}, []string{"working directory", "not a directory"},
		},
		"a zero byte in an argument": {
			childproc.Command{Name: file, Args: []string{"x\x00secret"}}, []string{"argument", "zero byte"},
		},
		"a zero byte in the environment": {
			childproc.Command{Name: file, Env: []string{"A=secret\x00"}}, []string{"environment", "zero byte"},
		},
		"a zero byte in the name": {childproc.Command{Name: "a\x00b"}, []string{"zero byte"}},
		"a plain file":            {childproc.Command{Name: file}, []string{"not executable", "plain.txt"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := childproc.Start(tc.c)
			if _, ok := errors.AsType[*childproc.CannotStart](err); !ok || p != nil {
				t.Fatalf("got %v, %v; want a *CannotStart", p, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to contain %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q must not show an argument or the environment", err)
			}
		})
	}
}

func TestStart_manyAtOnce_allEnd(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		c := command(t, "writes then exits at once")
		wg.Go(func() {
			p, err := childproc.Start(c)
			if err != nil {
				t.Error(err)
				return
			}
			data, err := io.ReadAll(p.Stdout())
			if err != nil || len(data) != burst {
				t.Errorf("got %d bytes, %v; want %d", len(data), err, burst)
			}
			<-p.Done()
		})
	}
	wg.Wait()
}
