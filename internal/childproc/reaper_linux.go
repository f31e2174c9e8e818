package childproc

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// sweepPatience is how long StartReaper waits for the sweep, which then goes on
	// by itself.
	sweepPatience = time.Second
	// closeTerm is how long what is left has to obey TERM when the Reaper is
	// closed.
	closeTerm = 200 * time.Millisecond
	// guardPatience is how long the guard may take to see that nothing is left.
	guardPatience = time.Second
	// savePause is the shortest time between two writings of the record.
	savePause = 50 * time.Millisecond
	// A guard that dies is started again, later each time, from firstAgain to
	// lastAgain.
	firstAgain = 50 * time.Millisecond
	lastAgain  = 30 * time.Second
)

// Reaper makes sure that nothing outlives this process, however it ends: it
// reaps orphans, runs a guard, keeps a record, and sweeps up after dead
// predecessors. A process has one at most.
type Reaper struct {
	opts    ReaperOptions
	orphans *subreaper // nil if orphans do not become our children
	record  record
	file    string // of the record; empty if it is not kept
	quit    chan struct{}
	ended   chan struct{}
	swept   chan struct{}

	leases chan leaseWish
	until  int64 // what the guard is to know; 0 is nothing

	guard     *guard // nil while none runs; only run touches it and what follows
	guardAt   time.Time
	again     time.Duration
	saved     time.Time
	saveLater bool
}

// StartReaper starts the Reaper. It blocks while it sweeps up, for a second at
// most. It must be called before the first child of the instance is started.
// What does not work is logged, and the rest works without it. The caller owns
// the Reaper and must close it.
func StartReaper(opts ReaperOptions) *Reaper {
	r := &Reaper{
		opts: opts, record: newRecord(opts.Instance), again: firstAgain,
		quit: make(chan struct{}), ended: make(chan struct{}), swept: make(chan struct{}),
		leases: make(chan leaseWish),
	}
	var err error
	if r.orphans, err = startSubreaper(); err != nil {
		r.warn(err)
	}
	r.openRecord()
	go r.sweep()
	r.startGuard()
	go r.run()
	select {
	case <-r.swept:
	case <-time.After(sweepPatience):
		opts.Log.Warn("still sweeping up after a dead gateway")
	}
	return r
}

func (r *Reaper) warn(err error) {
	r.opts.Log.Warn("processes may be left behind if the gateway is killed", slog.Any("err", err))
}

func (r *Reaper) openRecord() {
	if r.opts.Dir == "" {
		return
	}
	err := recordDir(r.opts.Dir)
	if err == nil {
		err = r.record.save(r.opts.Dir)
	}
	if err != nil {
		r.warn(err)
		return
	}
	r.file = filepath.Join(r.opts.Dir, r.record.name())
}

// sweep ends by itself; see ending.
func (r *Reaper) sweep() {
	defer close(r.swept)
	if r.file != "" {
		sweep(r.opts.Dir, r.opts.Instance, r.opts.Log)
	}
}

// run keeps guard and record up to date while children begin and end, and starts
// the guard again if it dies.
func (r *Reaper) run() {
	defer close(r.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-children.changed:
		case <-r.guardEnded():
			r.guardDied()
		case wish := <-r.leases:
			wish.heard <- r.leased(wish.until)
		case <-timer.C:
		case <-r.quit:
			return
		}
		r.update(timer)
	}
}

// guardEnded returns a channel that is closed when the guard has ended, nil
// without a guard.
func (r *Reaper) guardEnded() <-chan struct{} {
	if r.guard == nil {
		return nil
	}
	return r.guard.ended
}

// update brings guard and record up to date, or sets the timer for when it may.
func (r *Reaper) update(timer *time.Timer) {
	now := time.Now()
	if r.guard == nil && !r.guardAt.IsZero() && !now.Before(r.guardAt) {
		r.startGuard()
		r.guardIsBack()
	}
	owned, _ := ownedChildren()
	if r.guard != nil {
		r.guard.tell(owned)
	}
	r.save(now, owned)
	var next time.Time
	if r.saveLater {
		next = r.saved.Add(savePause)
	}
	if r.guard == nil && !r.guardAt.IsZero() && (next.IsZero() || r.guardAt.Before(next)) {
		next = r.guardAt
	}
	if !next.IsZero() {
		timer.Reset(max(time.Until(next), 0))
	}
}

// startGuard starts a guard, or notes when to try again.
func (r *Reaper) startGuard() {
	if !r.opts.Guard {
		return
	}
	g, err := startGuard(r.opts.Instance, r.file)
	if err != nil {
		r.warn(err)
		r.later()
		return
	}
	r.guard = g
}

// guardDied notes when to start another.
func (r *Reaper) guardDied() {
	closeAll(r.guard.pipe)
	r.guard = nil
	r.later()
	r.opts.Log.Warn("the guard of the gateway's processes died and is started again", slog.Duration("delay", r.again))
}

func (r *Reaper) later() {
	r.guardAt = time.Now().Add(r.again)
	if r.until != 0 && r.again == firstAgain {
		r.guardAt = time.Now() // Servers run by a lease that nobody would end.
	}
	r.again = min(2*r.again, lastAgain)
}

// save writes the record if it has changed, but not too often.
func (r *Reaper) save(now time.Time, owned map[int]child) {
	if r.file == "" {
		return
	}
	list := leaders(owned)
	same := slices.Equal(list, r.record.Processes)
	r.saveLater = !same && now.Sub(r.saved) < savePause
	if same || r.saveLater {
		return
	}
	r.saved = now
	r.record.Processes = list
	if err := r.record.save(r.opts.Dir); err != nil {
		r.opts.Log.Warn("record of processes not written", slog.Any("err", err))
	}
}

// Swept returns a channel that is closed once nothing is left of dead predecessors.
func (r *Reaper) Swept() <-chan struct{} { return r.swept }

// Close ends what is left of the children and their descendants, dismisses the
// guard and removes the record. It blocks until that is done, for some seconds
// if processes hang, else for a moment. Children that were started must be
// stopped before, or they are killed.
func (r *Reaper) Close() {
	close(r.quit)
	<-r.ended
	killAt := time.Now().Add(closeTerm)
	met, left := ending{find: r.left, killAt: func() time.Time { return killAt }}.run()
	if met > 0 {
		r.opts.Log.Info("ended what servers had left", slog.Int("processes", met), slog.Int("left", left))
	}
	select {
	case <-r.swept:
	case <-time.After(sweepPatience): // The next start goes on with it.
	}
	if r.guard != nil {
		r.guard.dismiss(guardPatience)
	}
	if r.orphans != nil {
		r.orphans.stop()
	}
	if r.file != "" && left == 0 {
		removeRecord(r.file)
	}
}

// left finds what would outlive this process. Where orphans become its
// children, that is whoever is below it, marked or not. Who was a child of it
// before it was a gateway is left alone, and then nobody without the mark is
// touched: it could be that child's.
func (r *Reaper) left() []proc {
	switch {
	case r.orphans == nil:
		return carriers(people(processes()), InstanceVariable, r.opts.Instance)
	case len(r.orphans.before) == 0:
		return r.below()
	default:
		return carriers(r.below(), InstanceVariable, r.opts.Instance)
	}
}

// below returns the processes below this one, but for the guard.
func (r *Reaper) below() []proc {
	self, _ := readProc(os.Getpid()) // It is there.
	return slices.DeleteFunc(descendants(self), func(p proc) bool {
		return r.guard != nil && p.pid == r.guard.cmd.Process.Pid
	})
}
