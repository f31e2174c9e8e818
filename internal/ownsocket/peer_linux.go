package ownsocket

import (
	"net"

	"golang.org/x/sys/unix"
)

// PeerOf returns who opened a connection, as far as the system says.
func PeerOf(c net.Conn) Peer {
	p := Peer{UID: -1}
	control(c, func(fd int) {
		if cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = Peer{PID: int(cred.Pid), UID: int(cred.Uid)}
		}
	})
	return p
}
