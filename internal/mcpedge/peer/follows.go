package peer

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// follows counts the requests of other gateways to hear what a server says unasked, which
// last: for each server those of each gateway, and those of each address. What a gateway
// says of itself is not proven, so an address is bounded as well; many gateways may share
// one.
type follows struct {
	log *slog.Logger

	mu sync.Mutex
	by map[follower]int
	// said is when a refusal was last logged, and unsaid how many came since.
	said   time.Time
	unsaid int
}

// follower is a gateway at an address, or, without one, all of that address.
type follower struct{ key, host, gateway string }

// begin counts a request in, or returns why it is refused. done must follow.
func (f *follows) begin(key, address, gateway string, now time.Time) (done func(), refusal *failure) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	one, all := follower{key, host, "gateway " + gateway}, follower{key: key, host: host}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.by[one] >= maxFollows:
		return nil, f.refuse(key, host, fmt.Sprintf("a gateway at %s asks to hear of it %d times at once already, as often as it may", host, maxFollows), now)
	case f.by[all] >= maxFollowsOfAddress:
		return nil, f.refuse(key, host, fmt.Sprintf("the gateways at %s ask to hear of it %d times at once already, as often as they may", host, maxFollowsOfAddress), now)
	}
	if f.by == nil {
		f.by = map[follower]int{}
	}
	f.by[one]++
	f.by[all]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, who := range []follower{one, all} {
			if f.by[who]--; f.by[who] == 0 {
				delete(f.by, who)
			}
		}
	}, nil
}

// refuse makes a refusal, and logs it, at most once in refusalsEvery. The mutex is held.
func (f *follows) refuse(key, host, why string, now time.Time) *failure {
	if f.unsaid++; f.said.IsZero() || now.Sub(f.said) >= refusalsEvery {
		f.log.Warn("another gateway asks to hear of a server too often, and is refused", slog.String("key", pathOf("", key)), slog.String("address", host),
			slog.String("why", why), slog.Int("refused_since_last_said", f.unsaid))
		f.said, f.unsaid = now, 0
	}
	return &failure{Kind: kindBlocked, Reason: why}
}
