// Package pace decides how many servers may be started now, by what the machine
// has left. It is pure: it is asked again after each Window while servers wait, and
// whenever a start has ended.
//
// While the processors are busy, as many starts run at the same time as there
// are cores. While they are mostly idle the number grows: quickly at first, so
// that servers that only wait for something are all up soon, and one by one when
// starts take long, as those who load now may compute next.
//
// A start that sleeps burdens nobody, so it doesn't count for its first second:
// however busy the machine is, servers that only wait are started one after the
// other without waiting for each other.
//
// Servers that are called go first and need not wait for those that aren't. A
// start that takes longer than Hold is no longer counted, so that heavy servers
// don't hold up light ones for ever.
package pace

import "time"

const (
	// firstWindow is as short as the kernel's own clock has it.
	firstWindow = 10 * time.Millisecond
	// laterWindow measures better, and costs less.
	laterWindow = 20 * time.Millisecond
	// early is for how long servers may wait that are soon to be up.
	early = time.Second
	// Hold is how long a start is counted.
	Hold = 10 * time.Second
	// Slow is the age from which on a start makes the number grow slowly, by one
	// in each GrowEvery.
	Slow = time.Second
	// GrowEvery is how often one more is started while a start is slow.
	GrowEvery = 250 * time.Millisecond
	// enough is the part of the processors' time that must be left.
	enough = 0.5
	// unknown is how many starts run for each core where nobody can say how busy
	// the machine is.
	unknown = 4
)

// Window returns how long idleness is measured next, once servers have waited
// for the given time: briefly at first, so that those that only wait for
// something are started without delay.
func Window(waited time.Duration) time.Duration {
	if waited < early {
		return firstWindow
	}
	return laterWindow
}

// Machine is what is known of the machine.
type Machine struct {
	Cores int
	// Idle is the part of the processors' time that was left over the last
	// window, from 0 to 1.
	Idle float64
	// Known is false where nobody can tell.
	Known bool
}

// Start is a server that starts.
type Start struct {
	Age time.Duration
	// Asleep is true if it has no work to do at the moment, as far as anybody can
	// tell.
	Asleep bool
}

// Starts are the servers that start and that wait for it.
type Starts struct {
	Running []Start
	Waiting int
	Called  int           // how many of Waiting are called
	Grown   time.Duration // since when no start has been let in because of idleness
	Max     int           // the largest number of starts at the same time; 0 is any
}

// Next returns how many of the waiting servers may start now, those first that
// are called, and whether idleness has let some of them in.
func Next(m Machine, s Starts) (n int, grown bool) {
	cores, counted := max(m.Cores, 1), s.working()
	if !m.Known {
		cores *= unknown
	}
	n = min(s.Waiting, max(0, cores-counted))
	n = max(n, min(s.Called, Most(cores)-counted))
	if more := min(s.Waiting, s.growth(m)); more > n {
		n, grown = more, true
	}
	if s.Max > 0 {
		n = min(n, max(0, s.Max-len(s.Running)))
	}
	return n, grown && n > 0
}

// Most is how many starts that work keep all others from beginning on a busy machine
// with so many cores, those that are called included.
func Most(cores int) int { return 2 * max(cores, 1) }

// young is how many starts could be a burden, now or later.
func (s Starts) young() (n int) {
	for _, r := range s.Running {
		if r.Age < Hold {
			n++
		}
	}
	return n
}

// working is how many of those count: those that are slow do so even asleep, as
// they have something to wait for and may compute then.
func (s Starts) working() (n int) {
	for _, r := range s.Running {
		if r.Age < Hold && (!r.Asleep || r.Age >= Slow) {
			n++
		}
	}
	return n
}

// growth is how many may start because the machine is idle.
func (s Starts) growth(m Machine) int {
	if !m.Known || m.Idle < enough {
		return 0
	}
	for _, r := range s.Running {
		if r.Age >= Slow && r.Age < Hold {
			if s.Grown < GrowEvery {
				return 0
			}
			return 1
		}
	}
	return int(2 * m.Idle * float64(s.young()))
}
