//go:build unix

package childproc

import (
	"os"
	"syscall"
)

// group is a process group that its leader, the child, has given its id.
type group struct{ id int }

func newGroup(p *os.Process) group { return group{id: p.Pid} }

// kill and terminate signal every process of the group. An error means that
// none is left, or that the rest is not ours to signal; nothing can be done
// about either.
func (g group) kill()      { _ = syscall.Kill(-g.id, syscall.SIGKILL) }
func (g group) terminate() { _ = syscall.Kill(-g.id, syscall.SIGTERM) }
func (g group) close()     {}
