package server

import "time"

// NewStartsOn is NewStarts for a machine of the test's own; idle may be nil.
func NewStartsOn(limit, cores int, idle func() (float64, bool)) *Starts {
	s := &Starts{max: limit, cores: cores, running: map[*start]struct{}{}}
	if idle != nil {
		s.meter = func() idleMeter { return idle }
	}
	return s
}

// AuthCure is what to do about a server that refuses what it was shown.
var AuthCure = authCure

// SetEOFGrace sets how long a session waits, after the end of the process's output, to
// be told why.
func (l *Launcher) SetEOFGrace(d time.Duration) { l.eofGrace = d }
