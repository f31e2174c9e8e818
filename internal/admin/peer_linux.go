package admin

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf is the process that opened the connection, as this one's namespace
// knows it; 0 if it is in another namespace or unknown.
func peerOf(c net.Conn) int {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) { // It fails only once the connection is closed.
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}
