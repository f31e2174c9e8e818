//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// inetd, "socat EXEC:" and the like give a program one socket for its input
// and its output. What is done to the one must not harm the other.
func TestStdio_oneSocketForBoth_aSlowReaderLosesNothing(t *testing.T) {
	t.Parallel()
	ours, theirs := socketPair(t)
	dir := t.TempDir()
	servers, rules := filepath.Join(dir, ".mcp.json"), filepath.Join(dir, "rules.json")
	write(t, servers, testkit.Servers{"s": testkit.Fake(t)}.JSON())
	write(t, rules, testkit.AllowAll("a"))
	cmd := exec.Command(testkit.Program(t), "run", "--mcp-config", servers, "--rules", rules, "--audit-log", filepath.Join(dir, "audit.jsonl"))
	cmd.Env = append(os.Environ(), testkit.AsGateway()...)
	cmd.Stdin, cmd.Stdout = theirs, theirs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	t.Cleanup(func() { _ = ours.Close(); _ = cmd.Wait() })

	text := strings.Repeat("x", 3<<20) // More than a socket holds.
	call := `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"execute_tool","arguments":` +
		`{"agent_id":"a","server":"s","tool":"echo","args":{"text":"` + text + `"}}}}` + "\n"
	if _, err := ours.WriteString(call); err != nil {
		t.Fatal(err)
	}
	_ = ours.SetReadDeadline(time.Now().Add(testkit.Patience))
	line, err := bufio.NewReader(ours).ReadString('\n')
	if err != nil || !strings.Contains(line, text) {
		t.Fatalf("got %d bytes, %v, want the whole line", len(line), err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func socketPair(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
}
