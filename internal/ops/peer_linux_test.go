package ops_test

import (
	"net/netip"
	"strings"
	"testing"

	"gatehouse/internal/ops"
)

func TestFindPeer_listOfSockets_isTheOneOfTheOtherEnd(t *testing.T) {
	const list = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0
   1: 0100007F:1F41 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F41 01 00000000:00000000 00:00000000 00000000  1001        0 13 1 0 20 4 30 10 -1
`
	server, client := netip.MustParseAddrPort("127.0.0.1:8001"), netip.MustParseAddrPort("127.0.0.1:50000")
	if uid, inode, ok := ops.FindPeer(strings.NewReader(list), server, client); !ok || uid != 1001 || inode != 13 {
		t.Errorf("got uid %d, inode %d, %t, want 1001, 13, true", uid, inode, ok)
	}
	if _, _, ok := ops.FindPeer(strings.NewReader(list), server, netip.MustParseAddrPort("127.0.0.1:50001")); ok {
		t.Error("a connection that is not in the list: got a peer, want none")
	}
	six, want := netip.MustParseAddrPort("[::1]:8001"), "00000000000000000000000001000000:1F41"
	if got := ops.ProcAddress(six); got != want {
		t.Errorf("%s: got %s, want %s", six, got, want)
	}
}
