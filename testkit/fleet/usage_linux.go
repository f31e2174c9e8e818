package fleet

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Work is how much processor time each process of a fleet had used by a moment.
type Work map[process]time.Duration

// process is one that no later one can be taken for: a number is used again.
type process struct {
	pid   int
	since string // its start, as the kernel says it
}

// startAt is the field of a process's start that stat returns.
const startAt = 19

// Work is how much processor time the gateways, their guards and servers, and etcd have
// used so far.
func (f *Fleet) Work() Work {
	var pids []int
	for _, n := range f.Nodes {
		pids = append(append(pids, n.PID()), descendants(n.PID())...)
	}
	for _, m := range f.Etcd.Members {
		if m.cmd != nil {
			pids = append(pids, m.cmd.Process.Pid)
		}
	}
	w := Work{}
	for _, pid := range pids {
		used, err := processorTime(pid)
		if fields := stat(pid); err == nil && len(fields) > startAt {
			w[process{pid, fields[startAt]}] = used
		}
	}
	return w
}

// processorTime is what a process has used, by the clock that the kernel has for it: what
// stat says is in steps of 10 ms, as long as a hundred small calls take.
func processorTime(pid int) (time.Duration, error) {
	const clockOfScheduler = 2
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|clockOfScheduler), &ts)
	return time.Duration(ts.Nano()), err
}

// Since returns what was used since an earlier moment. It is not the whole if a process has
// ended meanwhile: nobody knows what that used at the end.
func (w Work) Since(before Work) (used time.Duration, whole bool) {
	whole = true
	for p, now := range w {
		used += now - before[p]
	}
	for p := range before {
		if _, there := w[p]; !there {
			whole = false
		}
	}
	return used, whole
}

// Usage is what a gateway's process takes.
type Usage struct {
	Memory      int // bytes that are resident
	Descriptors int
}

func (u Usage) String() string {
	return fmt.Sprintf("%d MiB, %d descriptors", u.Memory>>20, u.Descriptors)
}

// Usage is what the gateway's process, without its servers, takes now.
func (n *Node) Usage() Usage {
	n.fleet.t.Helper()
	pid := n.PID()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		n.fleet.t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		n.fleet.t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(text)[1]))
	if err != nil {
		n.fleet.t.Fatal(err)
	}
	return Usage{Memory: pages * os.Getpagesize(), Descriptors: len(open)}
}
