package childproc

import (
	"strconv"
	"sync/atomic"
)

const (
	// InstanceVariable is what the owner of children sets in their environment
	// to the id in its ReaperOptions. By it a guard, or a later start, finds
	// what a gateway left behind.
	InstanceVariable = "GATEHOUSE_INSTANCE"
	// runVariable marks the processes of one child.
	runVariable = "GATEHOUSE_RUN"
)

// runs counts the marked children of this process.
var runs atomic.Uint64

// runEntry returns the entry of the environment that marks this child alone, or
// "" if it has no mark.
func (c Command) runEntry() string {
	if c.Mark == "" {
		return ""
	}
	return runVariable + "=" + c.Mark + "." + strconv.FormatUint(runs.Add(1), 10)
}
