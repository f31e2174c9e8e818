package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/testkit"
)

// typing is "variable set TOKEN" in a terminal, where it waits for the value.
type typing struct {
	person, program *os.File // the two ends of the terminal
	said            bytes.Buffer
	cmd             *exec.Cmd
	ring            folderRing
}

func startTyping(t *testing.T) *typing {
	t.Helper()
	t.Setenv("GATEHOUSE_TEST_RACE", "1") // The gateway is this program: no other one knows the keyring of tests.
	hearHangups(t)
	p, ring := newPerson(t, testkit.Servers{}, testkit.AllowAll("a")), folderRing(t.TempDir())
	w := &typing{ring: ring}
	w.person, w.program = pty(t)
	w.cmd = command(t, append(p.env, folderRingVariable+"="+string(ring)), "variable", "set", "TOKEN")
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = w.program, &w.said, &w.said
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "it no longer shows what is typed", func() bool { return !w.echoes(t) })
	return w
}

// echoes reports whether the terminal shows what is typed.
func (w *typing) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(w.program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func (w *typing) typeIn(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(w.person, text); err != nil {
		t.Fatal(err)
	}
}

// ends waits for its end, and wants the terminal as it was: it shows what is typed, and
// the next program reads that and nothing that was typed before.
func (w *typing) ends(t *testing.T, code int, parts ...string) {
	t.Helper()
	stuck := time.AfterFunc(testkit.Patience, func() { _ = w.cmd.Process.Kill() })
	defer stuck.Stop()
	_ = w.cmd.Wait() // The exit code says it.
	ran{w.cmd.ProcessState.ExitCode(), w.said.String(), ""}.want(t, code, parts...)
	if !w.echoes(t) {
		t.Error("got a terminal that does not show what is typed, want it as it was")
	}
	w.typeIn(t, "next\n")
	if got, err := bufio.NewReader(w.program).ReadString('\n'); got != "next\n" || err != nil {
		t.Errorf("the next program reads %q, %v; want only what is typed to it", got, err)
	}
}

func (w *typing) kept(t *testing.T) (values []string) {
	t.Helper()
	for _, path := range w.ring.items(t) {
		values = append(values, testkit.ReadFile(t, path))
	}
	return values
}

// A terminal gives a line, of a certain length. What is longer is refused and not cut.
func TestVariable_typed_isKeptWholeOrNotAtAll(t *testing.T) {
	for name, c := range map[string]struct {
		typed string
		want  int
		said  string
	}{
		"a line":          {"marked-secret\n", exitFine, "kept TOKEN"},
		"a long line":     {strings.Repeat("x", 4094) + "\n", exitFine, "kept TOKEN"},
		"a cut line":      {strings.Repeat("x", 4095) + "\n", exitNo, "pipe"},
		"a longer line":   {strings.Repeat("x", 5000) + "\n", exitNo, "pipe"},
		"a key":           {"-- begin\nmarked\n-- end\n", exitNo, "pipe"},
		"without its end": {"-- begin\nmarked", exitNo, "pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			w := startTyping(t)
			w.typeIn(t, c.typed)
			w.ends(t, c.want, c.said)
			if got := strings.Join(w.kept(t), "|"); c.want == exitFine && got+"\n" != c.typed || c.want != exitFine && got != "" {
				t.Errorf("got %q kept of %q, want all or nothing", got, c.typed)
			}
		})
	}
}

func TestVariable_typed_terminalIsAsItWasAfterASignal(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{
		"Ctrl-C": syscall.SIGINT, "Ctrl-\\": syscall.SIGQUIT, "Ctrl-Z": syscall.SIGTSTP, "an end": syscall.SIGTERM, "a hangup": syscall.SIGHUP,
	} {
		t.Run(name, func(t *testing.T) {
			w := startTyping(t)
			if err := w.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			w.ends(t, exitNo, "nothing is kept")
			if got := w.kept(t); len(got) != 0 {
				t.Errorf("got %q, want nothing kept", got)
			}
		})
	}
}
