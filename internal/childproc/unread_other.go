//go:build !linux

package childproc

// Unread returns how many bytes of what was written to the child's stdin nobody
// has read yet; known is false where the system does not say, as here.
func (p *Process) Unread() (n int, known bool) { return 0, false }
