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

// peerOf finds whose process is at the other end of a connection on this
// machine: its user, and the inode of its socket. It reads the kernel's list of
// sockets, so it is for what is rare. ok is false if it is not known.
func peerOf(local, remote netip.AddrPort) (uid int, inode uint64, ok bool) {
	file := "/proc/net/tcp"
	if remote.Addr().Is6() && !remote.Addr().Is4In6() {
		file = "/proc/net/tcp6"
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, false
	}
	defer func() { _ = f.Close() }() // It was only read.
	return findPeer(io.LimitReader(f, maxSockets), local, remote)
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
	ip := a.Addr().Unmap().AsSlice()
	for word := range slices.Chunk(ip, 4) {
		slices.Reverse(word)
	}
	return strings.ToUpper(hex.EncodeToString(ip)) + ":" + strings.ToUpper(hex.EncodeToString([]byte{byte(a.Port() >> 8), byte(a.Port())})) //nolint:gosec // Its two bytes.
}
