package front

import (
	"time"

	"gatehouse/internal/serversfile"
)

// limits are how long a call may take, from its arrival.
type limits struct {
	deadline time.Time // for all of it
	patience time.Time // for a server that is not ready
	beats    int       // how often a waiting caller has heard that it waits
}

// set takes the limits of the generation that decides now.
func (l *limits) set(c *Call, s serversfile.Settings) {
	total := s.CallTimeout
	if c.Timeout > 0 {
		total = min(total, c.Timeout)
	}
	l.deadline = c.arrived.Add(total)
	l.patience = c.arrived.Add(min(total, s.RestartWait))
}

// beatEvery is how often a waiting call with a progress token hears that it
// still waits.
const beatEvery = 5 * time.Second

// nextBeat is the time until the caller is next told that its call waits. It
// counts from the call's arrival, however often the server's state changes.
func (l *limits) nextBeat(arrived time.Time) time.Duration {
	return time.Until(arrived.Add(time.Duration(l.beats+1) * beatEvery))
}
