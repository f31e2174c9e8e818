package entrance

import (
	"bytes"
	"net"
	"os"
	"syscall"
)

// LeaveSilent has the kernel keep a connection until something has been said on
// it, or for some 15 s: until then it takes no descriptor and no time of
// the gateway's. Clients of HTTP and of TLS speak first.
//
// It does nothing to a listener that is not one of TCP, nor where the kernel
// sends no SYN cookies: there, connections that it keeps would shut others out
// (tcp(7), TCP_DEFER_ACCEPT and tcp_syncookies).
func LeaveSilent(l net.Listener) {
	tcp, ok := l.(*net.TCPListener)
	if !ok || !sendsCookies() {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // It is closed.
	}
	_ = raw.Control(func(fd uintptr) {
		// Without it they come in as they always did.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, int(strangerTime.Seconds()))
	})
}

// sendsCookies reports whether the kernel answers new connections when it can
// keep no more.
func sendsCookies() bool {
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_syncookies")
	return err == nil && string(bytes.TrimSpace(text)) != "0"
}
