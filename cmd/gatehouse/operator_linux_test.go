package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// A server that uses the commands, also from a session of its own and with
// nothing in its environment that tells of the gateway, gets nowhere.
func TestOperator_aServerOfTheGateway_isRefused(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"good": testkit.Fake(t)})
	socketOf(t, g)
	self := testkit.Program(t)
	base := "env -i " + strings.Join(testkit.AsGateway(), " ") + " PATH=$PATH HOME=" + g.Dir + " GATEHOUSE_HOME=" + g.Dir + " XDG_STATE_HOME=" + filepath.Join(g.Dir, "state")
	said := filepath.Join(g.Dir, "said")
	script := strings.Join([]string{
		"{", base, self, "restart good; echo code $?;",
		base, "setsid", self, "reload; echo code $?;",
		base, self, "trust --yes", g.Dir, "; echo code $?;",
		"} >", said + ".new 2>&1; mv", said + ".new", said,
	}, " ")
	servers := testkit.Servers{"good": testkit.Fake(t), "sly": {"command": "/bin/sh", "args": []any{"-c", script}, "gateway": map[string]any{"restart": map[string]any{"max_failures": 1}}}}
	g.Apply(t, g.ServersFile, servers.JSON())
	var text string
	testkit.Eventually(t, "the server has tried", func() bool {
		raw, err := os.ReadFile(said)
		text = string(raw)
		return err == nil
	})
	for _, want := range []string{"may not operate it", "started by a server of a gateway"} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant %q", text, want)
		}
	}
	if strings.Contains(text, "code 0") || strings.Count(text, "code ") != 3 {
		t.Errorf("got\n%s\nwant three refusals", text)
	}
	if _, s := statusOf(t, g, "good"); s.Run != 1 {
		t.Errorf("the server's run: got %d, want 1", s.Run)
	}
	if _, err := os.Stat(filepath.Join(g.Dir, "state", "gatehouse", "trust.json")); err == nil {
		t.Error("a project was approved")
	}
}

func TestTrust_atATerminal_asks(t *testing.T) {
	home, project := homeOf(t)
	put(t, project, oneServer, someRules)
	for _, c := range []struct {
		answer, says string
		code         int
	}{
		{"n\n", "not approved", exitNo},
		{"\n", "not approved", exitNo},
		{"maybe\n", "not approved", exitNo},
		{"y\n", "Approved", exitFine},
	} {
		master, slave := pty(t)
		cmd := command(t, operatorEnv(&testkit.Gateway{Dir: home}), "trust", project)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		slave.Close()
		if _, err := master.WriteString(c.answer); err != nil {
			t.Fatal(err)
		}
		shown, _ := io.ReadAll(master) // The end of the terminal is an error.
		_ = cmd.Wait()                 // ProcessState tells the rest.
		if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(string(shown), "[y/N]") || !strings.Contains(string(shown), c.says) {
			t.Errorf("%q: got code %d and\n%s\nwant code %d, the question, and %q", c.answer, got, shown, c.code, c.says)
		}
	}
}
