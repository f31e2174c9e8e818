package main

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/testkit"
)

// pty makes a terminal. Closing its master closes the terminal.
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

func TestRun_whoseTerminalIsClosed_stops(t *testing.T) {
	t.Parallel()
	hearHangups(t)
	master, slave := pty(t)
	dir := t.TempDir()
	for name, content := range map[string]string{".mcp.json": testkit.Servers{}.JSON(), "rules.json": testkit.AllowAll("a")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logFile.Close()
	cmd := command(t, operatorEnv(&testkit.Gateway{Dir: dir}), "run", "--mcp-config", filepath.Join(dir, ".mcp.json"),
		"--rules", filepath.Join(dir, "rules.json"), "--http", "0", "--log-format", "json", "--log-level", "debug")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	logged := func(text string) func() bool {
		return func() bool {
			raw, _ := os.ReadFile(logFile.Name())
			return bytes.Contains(raw, []byte(text))
		}
	}
	testkit.Eventually(t, "it is ready", logged("operator's socket open"))
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil { // Its terminal is there: no reason to stop.
		t.Fatal(err)
	}
	testkit.Eventually(t, "it reads its files again", logged(`"trigger":"sighup"`))
	_ = slave.Close()
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v, want exit code 0", err)
		}
	case <-time.After(testkit.Patience):
		_ = cmd.Process.Kill()
		t.Error("it goes on without its terminal")
	}
	raw, _ := os.ReadFile(logFile.Name())
	if !strings.Contains(string(raw), "its terminal was closed") || !strings.Contains(string(raw), "gateway stopped") {
		t.Errorf("the log does not say why:\n%s", raw)
	}
}

// hearHangups makes processes that the test starts mind SIGHUP, even if the test
// itself runs under nohup: they would inherit that it is ignored.
func hearHangups(t *testing.T) {
	t.Helper()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(heard) })
}
