//go:build linux || darwin

package ownsocket

import "net"

// control calls ask with the descriptor of a connection, if it is a unix
// socket's.
func control(c net.Conn, ask func(fd int)) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { ask(int(fd)) }) // It fails only once the connection is closed.
}
