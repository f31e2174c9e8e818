package ops_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
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

// Root may give a socket away, as if another user's process had opened it.
func TestAction_toRootsGateway_byAnotherUsersProcess_needsALink(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can open a socket for another user")
	}
	const nobody = 65534
	d := open(t, nil)
	d.dialer.Control = func(_, _ string, c syscall.RawConn) error {
		var given error
		err := c.Control(func(fd uintptr) { given = syscall.Fchown(int(fd), nobody, -1) })
		return errors.Join(err, given)
	}
	d.needsALink()
}

func TestAction_byAServerBehindTheGateway_thatDialsByIPv6_isRefused(t *testing.T) {
	d := open(t, func(o *ops.Options) { withToken(o); o.Below = func(inode uint64) bool { return inode != 0 } })
	at := netip.MustParseAddrPort(strings.TrimPrefix(d.url, "http://"))
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	conn := os.NewFile(uintptr(fd), "socket")
	defer conn.Close()
	if err := syscall.Connect(fd, &syscall.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}); err != nil {
		t.Skip("no IPv6 here:", err)
	}
	d.enter(d.server.Link(false))
	form := url.Values{"token": {d.token()}, "server": {"db"}}.Encode()
	fmt.Fprintf(conn, "POST /actions/restart HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nAuthorization: Bearer the-token\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", at, d.url, len(form), form)
	got := make([]byte, 64)
	n, _ := conn.Read(got)
	if want := fmt.Sprint("HTTP/1.1 ", http.StatusForbidden); !strings.HasPrefix(string(got[:n]), want) || len(d.gateway.did()) != 0 {
		t.Errorf("got %q, done %q, want %s and nothing", got[:n], d.gateway.did(), want)
	}
}
