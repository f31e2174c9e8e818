package peer

import (
	"fmt"
	"net"
	"sync"
)

// follows counts the requests of other gateways to hear what a server says unasked, which
// last: for each server those of each address.
type follows struct {
	mu sync.Mutex
	by map[follower]int
}

type follower struct{ key, host string }

// begin counts a request in, or returns why it is refused. done must follow.
func (f *follows) begin(key, address string) (done func(), refusal *failure) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	who := follower{key, host}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by[who] >= maxFollows {
		return nil, &failure{Kind: kindBlocked, Reason: fmt.Sprintf("%s asks to hear of it %d times at once already, as often as it may", host, maxFollows)}
	}
	if f.by == nil {
		f.by = map[follower]int{}
	}
	f.by[who]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.by[who]--; f.by[who] == 0 {
			delete(f.by, who)
		}
	}, nil
}
