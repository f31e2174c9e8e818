//go:build unix

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// manager is a systemd that hears what a service tells it.
type manager struct {
	*net.UnixConn

	path string
}

func newManager(t *testing.T) manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // Paths of sockets are short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return manager{c, path}
}

// hear waits for a message that has a line, and returns all of it.
func (m manager) hear(t *testing.T, want string) string {
	t.Helper()
	buf := make([]byte, 4096)
	var heard []string
	_ = m.SetReadDeadline(time.Now().Add(testkit.Patience))
	for {
		n, err := m.Read(buf)
		if err != nil {
			t.Fatalf("got %v after %q, want %s", err, heard, want)
		}
		text := string(buf[:n])
		if strings.Contains(text+"\n", want+"\n") {
			return text
		}
		heard = append(heard, text)
	}
}

func TestService_tellsSystemd_thatItIsReadyAliveAndStopping(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=100000"},
	})
	if text := m.hear(t, "READY=1"); !strings.Contains(text, "STATUS=serving "+g.BaseURL(t)) {
		t.Errorf("got %q, want what it serves", text)
	}
	m.hear(t, "WATCHDOG=1")
	m.hear(t, "WATCHDOG=1")
	g.Signal(t, os.Interrupt)
	m.hear(t, "STOPPING=1")
	g.Wait(t)
}

func TestService_withAWatchdogOfAnotherProcess_givesNoSignOfLife(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=1000", "WATCHDOG_PID=1"},
	})
	m.hear(t, "READY=1")
	g.Signal(t, os.Interrupt)
	if text := m.hear(t, "STOPPING=1"); text != "STOPPING=1" {
		t.Errorf("got %q, want STOPPING=1 alone", text)
	}
	g.Wait(t)
}

// activated starts a gateway with a socket that is open already.
func activated(t *testing.T, l interface{ File() (*os.File, error) }, count string) *exec.Cmd {
	t.Helper()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	p := newPerson(t, testkit.Servers{}, testkit.AllowAll("a"))
	cmd := command(t, p.env, "run", "--transport", "http")
	cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=` + count + ` exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.ExtraFiles = []*os.File{f}
	return cmd
}

func TestService_withASocketOfSystemd_servesThere(t *testing.T) {
	t.Parallel()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := activated(t, l, "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: testkit.Patience}
	answer, err := client.Get("http://" + l.Addr().String() + "/healthz") // It waits: the socket is open.
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("got %s, want 200", answer.Status)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

func TestService_withSocketsThatItCannotUse_saysSo(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for count, want := range map[string]string{"1": "not one of TCP", "2": "systemd has opened 2 sockets"} {
		if out, err := activated(t, l, count).CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("got %v: %s, want %q", err, out, want)
		}
	}
}
