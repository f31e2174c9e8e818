package ownsocket

import (
	"net"

	"golang.org/x/sys/unix"
)

// PeerOf returns who opened a connection, as far as the system says.
func PeerOf(c net.Conn) Peer {
	p := Peer{UID: -1}
	control(c, func(fd int) {
		if cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err == nil {
			p.UID = int(cred.Uid)
		}
		if pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil {
			p.PID = pid
		}
	})
	return p
}
