package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports that FreeAddress returns are below those that systems use for connections that
// ask for none: such a one may not be there when its listener is started again.
const firstPort, blocks, blockPorts = 15_000, 150, 100

// block holds ports that are this process's own, as it listens on the first of them.
// Nobody listens yet on what FreeAddress returns, and other packages are tested at the
// same time.
var block struct {
	sync.Mutex
	next, end int
	held      []net.Listener
}

// FreeAddress returns an address of this machine that nobody listens on: for a program
// that must be told where to listen, or that is started again at the same place.
func FreeAddress(t testing.TB) string {
	t.Helper()
	block.Lock()
	defer block.Unlock()
	for {
		if block.next == block.end {
			claimBlock()
		}
		l, err := listenOn(block.next)
		block.next++
		if err == nil {
			address := l.Addr().String()
			_ = l.Close() // It has been used for nothing.
			return address
		}
	}
}

// claimBlock makes a block of ports this process's own. The caller holds the lock.
func claimBlock() {
	for {
		first := firstPort + blockPorts*rand.IntN(blocks)
		if l, err := listenOn(first); err == nil {
			block.next, block.end, block.held = first+1, first+blockPorts, append(block.held, l)
			return
		}
	}
}

func listenOn(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
