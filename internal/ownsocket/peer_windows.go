package ownsocket

import (
	"net"

	"golang.org/x/sys/windows"
)

// PeerOf returns who opened a connection that was accepted. Its user is this one: the
// system lets nobody else in.
func PeerOf(c net.Conn) Peer {
	p := Peer{UID: -1}
	end, ok := c.(*conn)
	if !ok {
		return p
	}
	raw, err := end.SyscallConn()
	if err != nil {
		return p
	}
	_ = raw.Control(func(h uintptr) { // It fails only once the connection is closed.
		var pid uint32
		if windows.GetNamedPipeClientProcessId(windows.Handle(h), &pid) == nil {
			p.PID = int(pid)
		}
	})
	return p
}
