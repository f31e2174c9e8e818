//go:build unix

package e2e_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// attack is what a server writes: a title for the window, an erased screen, colors
// that hide, C1 as a character and as a byte, a mark of writing direction.
const attack = `printf '\033]2;owned\007\033[2J\033[8mconcealed\302\2332J\2332J\342\200\256end\n' >&2; sleep 60`

// tmux is one real terminal.
type tmux struct {
	t      *testing.T
	socket string
	alive  *os.File // ends when all that runs in the terminal has
}

// newTmux starts a command in a terminal of its own, ended with the test: a gateway
// stops in its own time then, and writes into its folder until it has.
func newTmux(t *testing.T, command string) tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed: what reaches a real terminal was not looked at")
	}
	dir := t.TempDir()
	fifo := filepath.Join(dir, "alive")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := tmux{t, filepath.Join(dir, "tmux"), alive}
	t.Cleanup(x.end)
	x.run("-f", "/dev/null", "new-session", "-d", "-x", "180", "-y", "50", "exec 9>"+fifo+"; "+command)
	return x
}

// end closes the terminal and waits for all that runs in it.
func (x tmux) end() {
	_ = exec.Command("tmux", "-S", x.socket, "kill-server").Run()
	_ = x.alive.SetReadDeadline(time.Now().Add(testkit.Patience))
	if _, err := io.Copy(io.Discard, x.alive); err != nil {
		x.t.Errorf("got %v after the terminal was closed, want an end of what runs in it", err)
	}
	_ = x.alive.Close()
}

func (x tmux) run(args ...string) string {
	x.t.Helper()
	out, err := exec.CommandContext(x.t.Context(), "tmux", append([]string{"-S", x.socket}, args...)...).CombinedOutput()
	if err != nil {
		x.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// await waits until the terminal shows a text, and returns all that it shows.
func (x tmux) await(text string) (shown string) {
	x.t.Helper()
	testkit.Eventually(x.t, "the terminal shows "+text, func() bool {
		shown = x.run("capture-pane", "-p", "-J")
		return strings.Contains(shown, text)
	})
	return shown
}

// harmless fails the test if the terminal obeyed a part of the attack.
func (x tmux) harmless(shown string) {
	x.t.Helper()
	if title := x.run("display-message", "-p", "#{pane_title}"); strings.Contains(title, "owned") {
		x.t.Errorf("got the title %q, want that of before", title)
	}
	if !strings.Contains(shown, "BEFORE") {
		x.t.Errorf("got the screen\n%s\nwant what was there before on it still", shown)
	}
	if !strings.Contains(shown, "concealed") || !strings.Contains(shown, `u202e`) {
		x.t.Errorf("got the screen\n%s\nwant all that the server wrote made visible", shown)
	}
	if strings.Contains(x.run("capture-pane", "-p", "-e"), "\x1b[8m") {
		x.t.Error("got concealed characters on the screen, want none")
	}
}

func TestTerminal_realOne_obeysNothingThatAServerWrites(t *testing.T) {
	dir := t.TempDir()
	words, err := json.Marshal(attack)
	if err != nil {
		t.Fatal(err)
	}
	testkit.WriteAtomic(t, filepath.Join(dir, "s.json"), `{"mcpServers":{"s":{"command":"sh","args":["-c",`+string(words)+`]}}}`)
	testkit.WriteAtomic(t, filepath.Join(dir, "r.json"), testkit.AllowAll("a"))
	self := "cd " + dir + " && HOME=" + dir + " XDG_STATE_HOME=" + dir + " " + testkit.Binary(t)
	x := newTmux(t, "echo BEFORE; "+self+" run --http 127.0.0.1:0 --log-format text --color always --mcp-config s.json --rules r.json; sleep 60")
	x.harmless(x.await("u202eend"))
	for _, command := range []string{"logs --color always", "status s --color always", "logs --json", "status --json"} {
		y := newTmux(t, "echo BEFORE; "+self+" "+command+"; echo AFTER; sleep 60")
		shown := y.await("AFTER")
		if strings.Contains(shown, "concealed") || strings.HasPrefix(command, "logs") || strings.HasPrefix(command, "status s") {
			y.harmless(shown)
		}
	}
}
