package fleet_test

import (
	"net"
	"strings"
	"testing"

	kit "gatehouse/testkit/fleet"
)

// Whoever tests at the same time takes no address before something listens there.
func TestFreeAddress_isOfABlockThatThisProcessHolds(t *testing.T) {
	seen := map[string]bool{}
	for range 250 {
		address := kit.FreeAddress(t)
		if seen[address] {
			t.Errorf("got %s twice, want another one each time", address)
		}
		seen[address] = true
		first := address[:len(address)-2] + "00"
		if !strings.HasPrefix(first, "127.0.0.1:") {
			t.Fatalf("got %s, want an address of this machine", address)
		}
		if l, err := net.Listen("tcp", first); err == nil {
			l.Close()
			t.Fatalf("nobody holds %s for %s, want this process to", first, address)
		}
	}
}
