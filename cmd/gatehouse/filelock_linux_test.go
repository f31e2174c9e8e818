package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	raw "unsafe" // unsafe is a function of these tests.

	"golang.org/x/sys/unix"

	"gatehouse/testkit"
)

// withoutLocks runs a command to which the system says that no file can be locked, as
// some network file systems do.
func withoutLocks(t *testing.T, why syscall.Errno, args ...string) ran {
	t.Helper()
	done := make(chan ran, 1)
	go func() {
		defer close(done)
		runtime.LockOSThread() // For good: the thread ends with its filter.
		if err := refuseLocks(why); err != nil {
			t.Logf("the system takes no filter: %v", err)
			return
		}
		done <- runIn(t, append(os.Environ(), testkit.AsGateway()...), args...)
	}()
	r, ok := <-done
	if !ok {
		t.Skip("no process can be denied its locks here")
	}
	return r
}

// refuseLocks makes flock fail in this thread and the processes that it starts.
func refuseLocks(why syscall.Errno) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // The number of the call.
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_FLOCK},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(why)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(raw.Pointer(&program)), 0, 0)
}

var noLocks = []syscall.Errno{unix.ENOLCK, unix.EOPNOTSUPP, unix.ENOSYS}

func TestTrust_whereThereAreNoLocks_worksWithAWarning(t *testing.T) {
	_, project := homeOf(t)
	put(t, project, oneServer, someRules)
	for _, why := range noLocks {
		warning := "warning: cannot lock " + recordPath() + ".lock: " + why.Error() + ";"
		withoutLocks(t, why, "trust", "--yes", project).want(t, exitFine, "Approved", warning)
		runHere("trust", "--list").want(t, exitFine, "approved "+project)
		withoutLocks(t, why, "trust", "--revoke", project).want(t, exitFine, "not approved any more", warning)
		runHere("trust", "--list").want(t, exitFine, "no folder is approved")
	}
}

func TestConnect_whereThereAreNoLocks_worksWithAWarning(t *testing.T) {
	_, path := inCursor(t, ofCursor(t), true)
	for _, why := range noLocks {
		warning := "warning: cannot lock " + connectionsLock() + ": " + why.Error() + ";"
		withoutLocks(t, why, "connect", "cursor").want(t, exitFine, warning)
		if got := readText(t, path); !strings.Contains(got, "gatehouse") {
			t.Errorf("got\n%s\nwant it connected", got)
		}
		withoutLocks(t, why, "disconnect", "cursor").want(t, exitFine, warning)
		if got := readText(t, path); got != cursorFile {
			t.Errorf("got\n%s\nwant it as it was", got)
		}
	}
}

// What else keeps a lock from being taken is said once, and nothing is changed.
func TestTrust_theLockFailsOtherwise_saysWhyOnce(t *testing.T) {
	_, project := homeOf(t)
	put(t, project, oneServer, someRules)
	r := withoutLocks(t, unix.EIO, "trust", "--yes", project).want(t, exitNo, "cannot lock "+recordPath()+".lock: "+unix.EIO.Error())
	if n := strings.Count(r.err, "cannot lock "+filepath.Dir(recordPath())); n != 1 {
		t.Errorf("got it said %d times, want once:\n%s", n, r.err)
	}
	runHere("trust", "--list").want(t, exitFine, "no folder is approved")
}
