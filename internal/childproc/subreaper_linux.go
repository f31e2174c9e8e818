package childproc

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// reapPause is the time between two looks for zombies: enough that a storm of
// ending children costs little.
const reapPause = 20 * time.Millisecond

// subreaper makes this process the parent of orphans among its descendants,
// and reaps them. wait4(-1) would be simpler, and would steal the exit status
// of children from those who wait for them.
type subreaper struct {
	before map[int]proc // children that were there before, and not of our making
	sig    chan os.Signal
	quit   chan struct{}
	ended  chan struct{}
}

// startSubreaper makes this process a subreaper. The caller owns the subreaper
// and must stop it.
func startSubreaper() (*subreaper, error) {
	s := &subreaper{
		before: map[int]proc{}, sig: make(chan os.Signal, 1),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	for _, p := range unownedChildren() {
		if !p.zombie {
			s.before[p.pid] = p
		}
	}
	if err := setSubreaper(true); err != nil {
		return nil, err
	}
	signal.Notify(s.sig, unix.SIGCHLD)
	go s.run()
	return s, nil
}

func setSubreaper(on bool) error {
	children.mu.Lock()
	defer children.mu.Unlock()
	var arg uintptr
	if on {
		arg = 1
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, arg, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot become the parent of orphaned processes: %w", err)
	}
	children.subreaper = on
	return nil
}

// stop reaps the last zombies, after which orphans go elsewhere.
func (s *subreaper) stop() {
	signal.Stop(s.sig)
	close(s.quit)
	<-s.ended
	_ = setSubreaper(false) // What went well once does so again.
	reapOrphans()
}

func (s *subreaper) run() {
	defer close(s.ended)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-s.sig:
		case <-s.quit:
			return
		}
		for again := true; again; {
			pause.Reset(reapPause)
			again = !reapOrphans()
			select {
			case <-pause.C:
			case <-s.quit:
				return
			}
		}
	}
}

// reapOrphans reaps the zombies among our children that nobody waits for. It
// reports false if it cannot know which those are, because a child is being
// started.
func reapOrphans() bool {
	var zombies []int
	for _, p := range unownedChildren() {
		if p.zombie {
			zombies = append(zombies, p.pid)
		}
	}
	children.mu.Lock()
	defer children.mu.Unlock()
	sure := true
	for _, pid := range zombies {
		// The pid of an orphan cannot have been given to another one: only we
		// reap orphans.
		if _, owned := children.owned[pid]; owned {
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
