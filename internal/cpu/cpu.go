// Package cpu measures how much of the processors' time is left. It reads small
// files of the kernel, on Linux only.
package cpu

import (
	"runtime"
	"time"
)

// Cores returns how many processors this process may use; a quota of its cgroup
// counts.
func Cores() int { return runtime.GOMAXPROCS(0) }

// Meter measures from one reading to the next. It is for one goroutine at a
// time. It is for a short while: it does not notice a quota that comes later.
type Meter struct {
	machine ticks
	quota   spent
	at      time.Time
	free    bool // of a quota, when it was made: it is not looked for again
}

// ticks is how much time the processors have had and how much of that was left,
// in any unit.
type ticks struct{ idle, total float64 }

// spent is how much processor time a cgroup has used, and how much it may use in
// each second; 0 is without a limit.
type spent struct{ used, perSecond float64 }

// NewMeter makes a Meter and takes the first reading; nil where nobody can tell.
func NewMeter() *Meter {
	m := &Meter{}
	if _, _ = m.Idle(); m.at.IsZero() {
		return nil
	}
	return m
}

// Idle returns the part of the processors' time since the last reading that was
// left, from 0 to 1: of the machine's, or of the cgroup's quota where less of
// that was left. It returns false if the kernel has counted no time since, as it
// does not do so all the time. It does not block.
func (m *Meter) Idle() (part float64, known bool) {
	last := *m
	machine, ok := readTicks()
	if !ok {
		return 0, false
	}
	if !m.free {
		m.quota = readSpent()
		m.free = m.quota.perSecond == 0
	}
	m.machine, m.at = machine, time.Now()
	if last.at.IsZero() || machine.total <= last.machine.total {
		return 0, false
	}
	part = (machine.idle - last.machine.idle) / (machine.total - last.machine.total)
	if may := m.quota.perSecond * m.at.Sub(last.at).Seconds(); may > 0 {
		part = min(part, 1-(m.quota.used-last.quota.used)/may)
	}
	return min(max(part, 0), 1), true
}
