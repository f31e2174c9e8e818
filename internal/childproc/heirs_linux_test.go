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
echo >>"$0.pulse"
[ -e "$0.stop" ] || setsid "$0" </dev/null >/dev/null 2>&1 &
`

// line is the file of a line of heirs. They end with the test at the latest.
type line string

func newLine(t *testing.T, script string) line {
	t.Helper()
	file := filepath.Join(t.TempDir(), "heir")
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(file+".stop", nil, 0o600) })
	return line(file)
}

// size grows with each heir.
func (l line) size() int64 {
	info, err := os.Stat(string(l) + ".pulse")
	if err != nil {
		return 0
	}
	return info.Size()
}

// wantEnded fails if there are still heirs. Whoever looks for them may not see them:
// they are gone too soon.
func (l line) wantEnded(t *testing.T) {
	t.Helper()
	before := l.size()
	time.Sleep(200 * time.Millisecond)
	if after := l.size(); after != before {
		t.Errorf("got %d heirs and %d 200 ms later, want no more", before, after)
	}
}

// heirs is a script that starts two lines of heirs, says so and waits.
func (l line) heirs() string { return string(l) + ` & ` + string(l) + ` & echo ready; ` + waits }

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
	l := newLine(t, heir)
	g, id := gatewayOf(t, dir, l.heirs())
	if got := readLine(t, g); got != "ready" {
		t.Fatalf("got %q, want ready", got)
	}
	eventually(t, "there are heirs", func() bool { return l.size() > 0 })
	if err := syscall.Kill(g.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	mark := childproc.InstanceVariable + "=" + id
	eventually(t, "nobody is left twice", func() bool { return len(marked(mark))+len(marked(mark)) == 0 })
	t.Logf("all gone after %s", time.Since(began))
	eventually(t, "the guard has removed the record", func() bool { return !hasRecord(dir) })
	wantNobody(t, mark)
	l.wantEnded(t)
}

func TestReaper_close_endsHeirsOfItsServers(t *testing.T) {
	t.Parallel()
	l := newLine(t, heir)
	g, id := gatewayOf(t, filepath.Join(t.TempDir(), "instances"), l.heirs())
	if got := readLine(t, g); got != "ready" {
		t.Fatalf("got %q, want ready", got)
	}
	eventually(t, "there are heirs", func() bool { return l.size() > 0 })
	_ = g.Stdin().Close()
	if got := readLine(t, g); got != "children 0" {
		t.Errorf("after Close the gateway has %s, want %q", got, "children 0")
	}
	await(t, g.Done(), "the gateway's end")
	wantNobody(t, childproc.InstanceVariable+"="+id)
	l.wantEnded(t)
}
