//go:build !linux

package childproc

// Computing reports whether the child or a descendant of it has work to do at
// this moment, where the system says so: here never.
func (p *Process) Computing() bool { return false }
