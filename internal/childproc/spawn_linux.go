package childproc

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// sysProcAttr puts the child into a group of its own and has it killed when the
// gateway dies. The kernel takes "the parent died" to mean the thread that
// forked, hence the spawner below.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// spawner starts every child from one goroutine that keeps its thread for as
// long as any child lives.
var spawner struct {
	mu       sync.Mutex
	children int // started and not reaped, and being started
	requests chan func()
}

// spawn starts cmd in a group of its own. If it succeeds, release must be called once
// the child is reaped.
func spawn(cmd *exec.Cmd, leased bool) (group, error) {
	requests := spawnerAcquire()
	result := make(chan error, 1)
	requests <- func() { result <- startOwned(cmd, child{leads: true, leased: leased}) }
	err := <-result
	if err != nil {
		spawnerRelease()
		return group{}, err
	}
	return newGroup(cmd.Process), nil
}

func spawnerAcquire() chan<- func() {
	spawner.mu.Lock()
	defer spawner.mu.Unlock()
	if spawner.children == 0 {
		spawner.requests = make(chan func())
		go serveSpawns(spawner.requests)
	}
	spawner.children++
	return spawner.requests
}

// release ends what spawn began for a child.
func release(pid int) {
	disown(pid)
	spawnerRelease()
}

func spawnerRelease() {
	spawner.mu.Lock()
	defer spawner.mu.Unlock()
	spawner.children--
	if spawner.children == 0 {
		close(spawner.requests)
	}
}

// serveSpawns runs on a thread of its own, which ends with it, because it never
// unlocks the thread.
func serveSpawns(requests <-chan func()) {
	runtime.LockOSThread()
	for start := range requests {
		start()
	}
}

// waitExited blocks until the child has ended, and leaves it to be reaped. It
// reports false if it cannot wait, as in a sandbox that forbids the call.
func waitExited(pid int) bool {
	if awaitPidfd(pid) {
		return true
	}
	for { // On an old kernel. This one takes a thread as long as it waits.
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}

// awaitPidfd blocks until the child has ended; it takes no thread. It reports
// false if it cannot wait.
func awaitPidfd(pid int) bool {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer closeAll(f)
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Read(func(uintptr) bool { // A pidfd is ready to be read once its process has ended.
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) //nolint:gosec // It is a descriptor.
		return err == nil && ready > 0
	})
	return err == nil
}
