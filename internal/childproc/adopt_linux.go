package childproc

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// reapPause is the time between two looks for adopted zombies: enough that a
// storm of ending children costs little.
const reapPause = 20 * time.Millisecond

// adopter makes this process the one that orphans among its descendants go to,
// and reaps them. wait4(-1) would be simpler, and would steal the exit status
// of children from those who wait for them.
type adopter struct {
	before map[int]proc // children that were there before, and not of our making
	sig    chan os.Signal
	quit   chan struct{}
	ended  chan struct{}
}

// adopt begins to adopt. The caller owns the adopter and must stop it.
func adopt() (*adopter, error) {
	a := &adopter{
		before: map[int]proc{}, sig: make(chan os.Signal, 1),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	owned, _ := ownedChildren()
	for pid, p := range ownChildren() {
		if _, ours := owned[pid]; !ours && !p.zombie {
			a.before[pid] = p
		}
	}
	if err := setAdopts(true); err != nil {
		return nil, err
	}
	signal.Notify(a.sig, unix.SIGCHLD)
	go a.run()
	return a, nil
}

func setAdopts(on bool) error {
	children.mu.Lock()
	defer children.mu.Unlock()
	var arg uintptr
	if on {
		arg = 1
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, arg, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot adopt orphaned processes: %w", err)
	}
	children.adopts = on
	return nil
}

// stop ends the adoption when the last zombie is reaped.
func (a *adopter) stop() {
	signal.Stop(a.sig)
	close(a.quit)
	<-a.ended
	_ = setAdopts(false) // What went well once does so again.
	reapAdopted()
}

func (a *adopter) run() {
	defer close(a.ended)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-a.sig:
		case <-a.quit:
			return
		}
		for again := true; again; {
			pause.Reset(reapPause)
			again = !reapAdopted()
			select {
			case <-pause.C:
			case <-a.quit:
				return
			}
		}
	}
}

// reapAdopted reaps the zombies among our children that nobody waits for. It
// reports false if it could not tell which those are, because a child was just
// being started.
func reapAdopted() bool {
	self := os.Getpid()
	var zombies []int
	for pid, p := range processes() {
		if p.ppid == self && p.zombie {
			zombies = append(zombies, pid)
		}
	}
	children.mu.Lock()
	defer children.mu.Unlock()
	sure := true
	for _, pid := range zombies {
		// A pid that is listed cannot have been given anew to another adopted
		// child: only we reap those.
		if _, ours := children.owned[pid]; ours {
			continue
		}
		if children.starting > 0 {
			sure = false
			continue
		}
		_ = unix.Waitid(unix.P_PID, pid, nil, unix.WNOHANG|unix.WEXITED, nil) // Gone is as good.
	}
	return sure
}
