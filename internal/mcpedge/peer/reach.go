package peer

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

const (
	// askedFor is after how long a call that was not asked for its body looks whether the
	// owner is there at all, and how long that look takes at most.
	askedFor = 3 * time.Second
	// reachedAgain is how long a gateway counts as one that cannot be reached: by then a
	// server of it has been tried again.
	reachedAgain = 15 * time.Second
)

// watch has a call given up that waits to be sent to a gateway which is not there any more,
// though the connection does not say so. stop ends it.
func (s *Session) watch(ctx context.Context, params *body, end context.CancelCauseFunc) (stop func() bool) {
	after := s.client.cfg.AskedFor
	return time.AfterFunc(after, func() { // Ends with the call.
		for pause := after; params.state.Load() == waiting; pause *= 2 {
			timed, cancel := context.WithTimeout(ctx, after)
			_, err := s.client.Tenure(timed, s.target.Address)
			cancel()
			if _, away := errors.AsType[*Unreached](err); away && ctx.Err() == nil {
				if params.giveUp() {
					end(err)
				}
				return
			}
			pauseFor(ctx, pause)
			if ctx.Err() != nil {
				return
			}
		}
	}).Stop
}

// unreached are the gateways that could not be asked.
type unreached struct {
	mu sync.Mutex
	by map[string]away // their addresses
}

type away struct {
	at  time.Time
	why string
}

// note keeps how it went to ask a gateway.
func (u *unreached) note(address string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil {
		delete(u.by, address)
		return
	}
	now := time.Now()
	maps.DeleteFunc(u.by, func(_ string, a away) bool { return now.Sub(a.at) > reachedAgain })
	if u.by == nil {
		u.by = map[string]away{}
	}
	u.by[address] = away{now, err.Error()}
}

// Unreached returns why a gateway could not be asked a moment ago; empty if it could, or
// was not asked.
func (c *Client) Unreached(address string) string {
	c.unreached.mu.Lock()
	defer c.unreached.mu.Unlock()
	if a, ok := c.unreached.by[address]; ok && time.Since(a.at) <= reachedAgain {
		return a.why
	}
	return ""
}
