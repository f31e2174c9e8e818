package childproc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/bootclock"
)

// What a gateway tells its guard: "+PID START SID" for a group that begins, with a
// " leased" behind it if it runs by a lease, "-PID" for one that has ended, "until
// NANOSECONDS" for when all leased ones are to be killed.
const leasedWord = "leased"

func tellUntil(moment int64) string { return fmt.Sprintf("until %d\n", moment) }

// hears returns the moment that a line tells; ok is false for any other line.
func hearUntil(line string) (moment int64, ok bool) {
	text, found := strings.CutPrefix(line, "until ")
	if !found {
		return 0, false
	}
	moment, err := strconv.ParseInt(text, 10, 64)
	return moment, err == nil && moment > 0
}

// listen hears the gateway until it is gone, and kills what runs by a lease whenever
// its time is over. It returns the groups there are then.
func listen(r io.Reader, instance string) groups {
	lines := make(chan string)
	go func() { // Ends with the gateway.
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	g, a := groups{}, alarm{}
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return g
			}
			late := g.hear(line) && a.passed // A gateway that thaws goes on with what it was about to start.
			if moment, ok := hearUntil(line); ok {
				a.set(moment)
			}
			if late {
				g.endLeased(instance)
			}
		case <-a.rings:
			if a.over() {
				g.endLeased(instance)
			}
		}
	}
}

// alarm rings at a moment of the clock that counts while the machine sleeps. The zero
// alarm never does.
type alarm struct {
	moment int64 // 0 is none
	passed bool  // the latest moment has come, and been reported
	timer  *os.File
	rings  chan struct{}
}

// set has the alarm ring at a moment, and not at the one before. Where the system has
// no such timer, it rings every now and then.
func (a *alarm) set(moment int64) {
	a.moment, a.passed = moment, false
	if a.rings == nil {
		a.rings = make(chan struct{})
		a.open()
	}
	if a.timer != nil {
		a.arm(moment)
	}
}

// poorPause is how often an alarm looks at the clock without a timer of the system.
const poorPause = 20 * time.Millisecond

func (a *alarm) open() {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	wait := func() bool { time.Sleep(poorPause); return true }
	if err == nil {
		a.timer = os.NewFile(uintptr(fd), "timer")
		wait = func() bool {
			_, err := a.timer.Read(make([]byte, 8))
			return err == nil
		}
	}
	go func() { // Lives as long as the guard.
		for wait() {
			a.rings <- struct{}{}
		}
	}()
}

func (a *alarm) arm(moment int64) {
	raw, err := a.timer.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		at := unix.ItimerSpec{Value: unix.NsecToTimespec(moment)}
		_ = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &at, nil) // It is a timer, and the moment is one.
	})
}

// over reports, once, whether the moment has come.
func (a *alarm) over() bool {
	now, err := bootclock.Now()
	if a.moment == 0 || err == nil && now < a.moment {
		return false
	}
	a.moment, a.passed = 0, true
	return true
}

// endLeased kills every process that runs by a lease: first the groups that are known,
// as that is quick, then who has left them.
func (g groups) endLeased(instance string) {
	for pid, known := range g {
		if p, there := readProc(pid); known.leased && there && p.start == known.start {
			_ = unix.Kill(-pid, unix.SIGKILL) // It may be gone by now.
		}
	}
	owns := func(all map[int]proc, p proc) bool { return g[p.pgid].leased && g.own(all, p) }
	ending{
		find:   func() []proc { return markedBy(leasedVariable, instance, nil, owns) },
		anew:   targetsMarkedBy(leasedVariable, instance, nil, owns),
		killAt: func() time.Time { return time.Time{} },
	}.run()
}
