package childproc

import "golang.org/x/sys/unix"

// Unread returns how many bytes of what was written to the child's stdin nobody
// has read yet; known is false where the system does not say, as on others.
// A child that has not read its input is most likely still starting.
func (p *Process) Unread() (n int, known bool) {
	raw, err := p.stdin.SyscallConn()
	if err != nil {
		return 0, false
	}
	controlled := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n, controlled == nil && err == nil
}
