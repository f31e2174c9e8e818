package childproc_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/childproc"
)

// An heir starts a successor in another session and ends, within a few
// milliseconds: whoever finds it signals somebody who is gone.
const heir = `#!/bin/sh
[ -e "$0.stop" ] || setsid "$0" </dev/null >/dev/null 2>&1 &
`

// heirs is a script that starts two lines of heirs, says so and waits. They end
// with the test at the latest.
func heirs(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "heir")
	if err := os.WriteFile(file, []byte(heir), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(file+".stop", nil, 0o600) })
	return file + ` & ` + file + ` & echo ready; ` + waits
}

// wantNobody fails if a process with this entry in its environment is there. One
// that is being executed shows none, so it looks more than once.
func wantNobody(t *testing.T, entry string) {
	t.Helper()
	for range 5 {
		if left := marked(entry); len(left) > 0 {
			t.Fatalf("marked processes are left: %v, want none", left)
		}
	}
}

func TestReaper_gatewayIsKilled_heirsOfItsServersGoToo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "instances")
	g, id := gatewayOf(t, dir, heirs(t))
	if got := readLine(t, g); got != "ready" {
		t.Fatalf("got %q, want ready", got)
	}
	if err := syscall.Kill(g.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	mark := childproc.InstanceVariable + "=" + id
	eventually(t, "nobody is left twice", func() bool { return len(marked(mark))+len(marked(mark)) == 0 })
	t.Logf("all gone after %s", time.Since(began))
	eventually(t, "the guard has removed the record", func() bool { return !hasRecord(dir) })
	wantNobody(t, mark)
}

func TestReaper_close_endsHeirsOfItsServers(t *testing.T) {
	t.Parallel()
	g, id := gatewayOf(t, filepath.Join(t.TempDir(), "instances"), heirs(t))
	if got := readLine(t, g); got != "ready" {
		t.Fatalf("got %q, want ready", got)
	}
	_ = g.Stdin().Close()
	if got := readLine(t, g); got != "children 0" {
		t.Errorf("after Close the gateway has %s, want %q", got, "children 0")
	}
	await(t, g.Done(), "the gateway's end")
	wantNobody(t, childproc.InstanceVariable+"="+id)
}
