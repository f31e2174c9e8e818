package ops

import (
	"net"
	"net/http"
	"net/netip"
)

// peer is who is at the other end of a connection.
type peer struct {
	uid   int
	inode uint64 // of its socket
	known bool   // the fields above are set
	here  bool   // it is on this machine
}

// hides reports whether a process of this machine has let go of its socket, which
// would hide whose it is.
func (p peer) hides() bool { return peersAreKnown && p.here && !p.known }

// peerAt finds who sent a request. Any address may be used on this machine, so the
// kernel is asked about all of them.
func peerAt(r *http.Request) (p peer) {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if !ok || err != nil {
		return peer{}
	}
	p.uid, p.inode, p.known = peerOf(local.AddrPort(), remote)
	p.here = p.known || local.IP.IsLoopback() || isOfThisMachine(remote.Addr())
	return p
}

// isOfThisMachine reports whether an address is one of an interface, or may be.
func isOfThisMachine(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if a.IsLoopback() {
		return true
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, one := range list {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil && prefix.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
