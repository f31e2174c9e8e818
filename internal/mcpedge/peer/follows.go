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
	why, say := f.count(one, all, now)
	if why == "" {
		return func() { f.end(one, all) }, nil
	}
	if say > 0 { // A slow log keeps nobody waiting for the mutex.
		f.log.Warn("another gateway asks to hear of a server too often, and is refused", slog.String("key", pathOf("", key)), slog.String("address", host),
			slog.String("why", why), slog.Int("refused_since_last_said", say))
	}
	return nil, &failure{Kind: kindBlocked, Reason: why}
}

// count counts a request in. Or it returns why the request is refused, and how many
// refusals are to be logged now: at most once in refusalsEvery, else 0.
func (f *follows) count(one, all follower, now time.Time) (why string, say int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.by[one] >= maxFollows:
		why = fmt.Sprintf("a gateway at %s asks to hear of it %d times at once already, as often as it may", one.host, maxFollows)
	case f.by[all] >= maxFollowsOfAddress:
		why = fmt.Sprintf("the gateways at %s ask to hear of it %d times at once already, as often as they may", one.host, maxFollowsOfAddress)
	default:
		if f.by == nil {
			f.by = map[follower]int{}
		}
		f.by[one]++
		f.by[all]++
		return "", 0
	}
	if f.unsaid++; f.said.IsZero() || now.Sub(f.said) >= refusalsEvery {
		say = f.unsaid
		f.said, f.unsaid = now, 0
	}
	return why, say
}

// end counts a request out again.
func (f *follows) end(one, all follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, who := range []follower{one, all} {
		if f.by[who]--; f.by[who] == 0 {
			delete(f.by, who)
		}
	}
}
