package testkit_test

import (
	"net"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// Whoever tests at the same time takes no address before something listens there.
func TestFreeAddress_isOfABlockThatThisProcessHolds(t *testing.T) {
	seen := map[string]bool{}
	for range 250 {
		address := testkit.FreeAddress(t)
		if seen[address] {
			t.Errorf("got %s twice, want another one each time", address)
		}
		seen[address] = true
		holdsBlockOf(t, address)
	}
}

// A server that has been killed finds its port again: no connection that asks for no
// port is given it meanwhile, and no other test.
func TestHTTPFake_portIsItsOwnUntilItIsStartedAgain(t *testing.T) {
	f := testkit.StartHTTPFake(t)
	f.Kill()
	holdsBlockOf(t, strings.TrimPrefix(f.Base, "http://"))
	f.Restart(t)
}

// holdsBlockOf fails the test unless this process listens on the first port of the
// hundred that an address is one of.
func holdsBlockOf(t *testing.T, address string) {
	t.Helper()
	first := address[:len(address)-2] + "00"
	if !strings.HasPrefix(first, "127.0.0.1:") {
		t.Fatalf("got %s, want an address of this machine", address)
	}
	if l, err := net.Listen("tcp", first); err == nil {
		l.Close()
		t.Fatalf("nobody holds %s for %s, want this process to", first, address)
	}
}
