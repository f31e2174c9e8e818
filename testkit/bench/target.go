package main

import (
	"fmt"
	"os"
)

// target is what the load is sent to.
type target struct {
	name     string
	proc     *process
	addr     string // of its HTTP front; empty with stdio
	shape    shape
	children []int // the process ids of its servers
}

// usage is the CPU time that target, servers and bench have used so far.
func (t *target) usage() cost {
	c := cost{target: cpuTime(t.proc.cmd.Process.Pid), client: cpuTime(os.Getpid())}
	for _, child := range t.children {
		c.servers += cpuTime(child)
	}
	return c
}

// know finds the target's servers, once they run.
func (t *target) know() { t.children = descendants(t.proc.cmd.Process.Pid) }

func (t *target) memory() memory { return memoryOf(t.proc.cmd.Process.Pid) }

func (t *target) failed(err error) error {
	return t.proc.failed(fmt.Errorf("%s: %w", t.name, err))
}
