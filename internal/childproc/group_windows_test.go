package childproc_test

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"gatehouse/internal/childproc"
)

// What a wrapper starts is known as the gateway's own, and ends with the wrapper.
func TestDescendsFrom_theChildOfAWrapper(t *testing.T) {
	c := command(t, "never ends")
	c.Args = []string{"/c", c.Name}
	c.Name = os.Getenv("ComSpec")
	c.Env = append(c.Env, "SystemRoot="+os.Getenv("SystemRoot"))
	p := start(t, c)
	if got := readLine(t, p); got != "ready" {
		t.Fatalf("got %q, want %q", got, "ready")
	}
	inside := childrenOf(t, p.PID())
	if len(inside) != 1 {
		t.Fatalf("got the processes %v below the wrapper, want one", inside)
	}
	for _, pid := range []int{p.PID(), inside[0], os.Getpid()} {
		if !childproc.DescendsFrom(pid, os.Getpid()) {
			t.Errorf("got that process %d is not below this one, want that it is", pid)
		}
	}
	if outside := os.Getppid(); childproc.DescendsFrom(outside, os.Getpid()) {
		t.Errorf("got that process %d is below this one, want that it is not", outside)
	}
	p.Kill()
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if left := childrenOf(t, p.PID()); len(left) != 0 {
		t.Errorf("got the processes %v of a wrapper that was killed, want none", left)
	}
}

// childrenOf lists the processes that a process has started.
func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	e := windows.ProcessEntry32{}
	e.Size = uint32(unsafe.Sizeof(e))
	for err := windows.Process32First(snapshot, &e); err == nil; err = windows.Process32Next(snapshot, &e) {
		if int(e.ParentProcessID) == parent {
			pids = append(pids, int(e.ProcessID))
		}
	}
	return pids
}
