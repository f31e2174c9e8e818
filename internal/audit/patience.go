package audit

import "time"

// patience is how long a log waits for what others do.
type patience struct {
	begin time.Duration // Begin, for its line
	lock  time.Duration // one attempt to take the lock
	last  time.Duration // the end, for the lines that are left to be sent
}

// usual is the patience of a log unless a test wants another one.
func usual() patience { return patience{begin: BeginWait, lock: lockPatience, last: lastSend} }
