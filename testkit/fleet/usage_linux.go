package fleet

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit in which the kernel says how much processor time was used.
const tick = 10 * time.Millisecond

// CPU is how much processor time the gateways, their guards and servers, and etcd have
// used so far.
func (f *Fleet) CPU() time.Duration {
	var pids []int
	for _, n := range f.Nodes {
		if pid := n.PID(); pid != 0 {
			pids = append(append(pids, pid), descendants(pid)...)
		}
	}
	for _, m := range f.Etcd.Members {
		if m.cmd != nil {
			pids = append(pids, m.cmd.Process.Pid)
		}
	}
	var used time.Duration
	for _, pid := range pids {
		if fields := stat(pid); len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			used += time.Duration(user+system) * tick
		}
	}
	return used
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
