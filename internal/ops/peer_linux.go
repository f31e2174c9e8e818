package ops

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxSockets is how much of the kernel's list of sockets is read, in bytes.
const maxSockets = 64 << 20

// peersAreKnown says that peerOf finds every process of this machine, as long as
// that has its socket open.
const peersAreKnown = true

// peerOf finds whose process is at the other end of a connection on this
// machine: its user, and the inode of its socket. It reads the kernel's lists of
// sockets, so it is for what is rare. ok is false if it is not known.
func peerOf(local, remote netip.AddrPort) (uid int, inode uint64, ok bool) {
	for _, list := range listsOf(local, remote) {
		f, err := os.Open(list.path)
		if err != nil {
			continue
		}
		uid, inode, ok = findPeer(io.LimitReader(f, maxSockets), list.local, list.remote)
		_ = f.Close() // It was only read.
		if ok {
			break
		}
	}
	return uid, inode, ok
}

// socketList is a list of the kernel's, with a connection's ends as they are there.
type socketList struct {
	path          string
	local, remote netip.AddrPort
}

// listsOf are the lists that may have a connection. One of IPv4 may have been made
// with a socket of IPv6, where its addresses are mapped ones.
func listsOf(local, remote netip.AddrPort) []socketList {
	local, remote = unmapped(local), unmapped(remote)
	six := socketList{"/proc/net/tcp6", mapped(local), mapped(remote)}
	if remote.Addr().Is4() {
		return []socketList{{"/proc/net/tcp", local, remote}, six}
	}
	return []socketList{six}
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone("").Unmap(), a.Port())
}

func mapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
}

// findPeer reads a list in the form of /proc/net/tcp. The peer's socket is the
// one whose ends are ours the other way round.
func findPeer(list io.Reader, local, remote netip.AddrPort) (uid int, inode uint64, ok bool) {
	mine, theirs := procAddress(local), procAddress(remote)
	for lines := bufio.NewScanner(list); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[1] != theirs || f[2] != mine {
			continue
		}
		uid, errUID := strconv.Atoi(f[7])
		inode, errInode := strconv.ParseUint(f[9], 10, 64)
		return uid, inode, errUID == nil && errInode == nil && inode != 0
	}
	return 0, 0, false
}

// procAddress writes an address as the kernel's lists do: each four bytes in the
// order of the machine, which is little-endian wherever gatehouse is built for.
func procAddress(a netip.AddrPort) string {
	ip := a.Addr().AsSlice()
	for word := range slices.Chunk(ip, 4) {
		slices.Reverse(word)
	}
	return strings.ToUpper(hex.EncodeToString(ip)) + ":" + strings.ToUpper(hex.EncodeToString([]byte{byte(a.Port() >> 8), byte(a.Port())})) //nolint:gosec // Its two bytes.
}
