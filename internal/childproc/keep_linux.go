package childproc

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// sweepPatience is how long Keep waits for the sweep, which then goes on
	// by itself.
	sweepPatience = time.Second
	// closeTerm is how long what is left has to obey TERM when the keeper is
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

// Keeper sees to it that nothing outlives this process, whatever becomes of
// either: it adopts and reaps orphans, keeps a guard and a record, and sweeps
// up after dead predecessors. A process has one at most.
type Keeper struct {
	opts    KeepOptions
	adopter *adopter // nil if this system does not let us adopt
	record  record
	file    string // of the record; empty if none is kept
	quit    chan struct{}
	ended   chan struct{}
	swept   chan struct{}

	guard     *guard // nil while there is none; touched by run alone, like what follows
	guardAt   time.Time
	again     time.Duration
	saved     time.Time
	saveLater bool
}

// Keep begins to keep. It blocks while it sweeps up, for a second at most. It
// must be called before the first child of the instance is started. What does
// not work is logged, and the rest works without it. The caller owns the
// Keeper and must close it.
func Keep(opts KeepOptions) *Keeper {
	k := &Keeper{
		opts: opts, record: newRecord(opts.Instance), again: firstAgain,
		quit: make(chan struct{}), ended: make(chan struct{}), swept: make(chan struct{}),
	}
	var err error
	if k.adopter, err = adopt(); err != nil {
		k.warn(err)
	}
	k.openRecord()
	go k.sweep()
	k.startGuard()
	go k.run()
	select {
	case <-k.swept:
	case <-time.After(sweepPatience):
		opts.Log.Warn("still sweeping up after a dead gateway")
	}
	return k
}

func (k *Keeper) warn(err error) {
	k.opts.Log.Warn("processes may be left behind if the gateway is killed", slog.Any("err", err))
}

func (k *Keeper) openRecord() {
	if k.opts.Dir == "" {
		return
	}
	err := recordDir(k.opts.Dir)
	if err == nil {
		err = k.record.save(k.opts.Dir)
	}
	if err != nil {
		k.warn(err)
		return
	}
	k.file = filepath.Join(k.opts.Dir, k.record.name())
}

// sweep ends by itself; see hunt.
func (k *Keeper) sweep() {
	defer close(k.swept)
	if k.file != "" {
		sweep(k.opts.Dir, k.opts.Instance, k.opts.Log)
	}
}

// run tells guard and record of children that begin and end, and starts the
// guard again if it dies.
func (k *Keeper) run() {
	defer close(k.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-children.changed:
		case <-k.guardEnded():
			k.guardDied()
		case <-timer.C:
		case <-k.quit:
			return
		}
		k.update(timer)
	}
}

// guardEnded never comes while there is no guard.
func (k *Keeper) guardEnded() <-chan struct{} {
	if k.guard == nil {
		return nil
	}
	return k.guard.ended
}

// update brings guard and record up to date, or sets the timer for when it may.
func (k *Keeper) update(timer *time.Timer) {
	now := time.Now()
	if k.guard == nil && !k.guardAt.IsZero() && !now.Before(k.guardAt) {
		k.startGuard()
	}
	owned, _ := ownedChildren()
	if k.guard != nil {
		k.guard.tell(owned)
	}
	k.save(now, owned)
	var next time.Time
	if k.saveLater {
		next = k.saved.Add(savePause)
	}
	if k.guard == nil && !k.guardAt.IsZero() && (next.IsZero() || k.guardAt.Before(next)) {
		next = k.guardAt
	}
	if !next.IsZero() {
		timer.Reset(max(time.Until(next), 0))
	}
}

// startGuard starts a guard, or notes when to try again.
func (k *Keeper) startGuard() {
	if !k.opts.Guard {
		return
	}
	g, err := startGuard(k.opts.Instance, k.file)
	if err != nil {
		k.warn(err)
		k.later()
		return
	}
	k.guard = g
}

// guardDied notes when to start another.
func (k *Keeper) guardDied() {
	closeAll(k.guard.pipe)
	k.guard = nil
	k.later()
	k.opts.Log.Warn("the guard of the gateway's processes died and is started again", slog.Duration("delay", k.again))
}

func (k *Keeper) later() {
	k.guardAt = time.Now().Add(k.again)
	k.again = min(2*k.again, lastAgain)
}

// save writes the record if it has changed, but not too often.
func (k *Keeper) save(now time.Time, owned map[int]child) {
	if k.file == "" {
		return
	}
	list := leaders(owned)
	same := slices.Equal(list, k.record.Processes)
	k.saveLater = !same && now.Sub(k.saved) < savePause
	if same || k.saveLater {
		return
	}
	k.saved = now
	k.record.Processes = list
	if err := k.record.save(k.opts.Dir); err != nil {
		k.opts.Log.Warn("record of processes not written", slog.Any("err", err))
	}
}

// Close ends what is left of the children and their descendants, dismisses the
// guard and removes the record. It blocks until that is done, for some seconds
// if processes hang, else for a moment. Children that were started must be
// stopped before, or they are killed.
func (k *Keeper) Close() {
	close(k.quit)
	<-k.ended
	killAt := time.Now().Add(closeTerm)
	met, left := hunt{find: k.left, killAt: func() time.Time { return killAt }}.run()
	if met > 0 {
		k.opts.Log.Info("ended what servers had left", slog.Int("processes", met), slog.Int("left", left))
	}
	select {
	case <-k.swept:
	case <-time.After(sweepPatience): // The next start goes on with it.
	}
	if k.guard != nil {
		k.guard.dismiss(guardPatience)
	}
	if k.adopter != nil {
		k.adopter.stop()
	}
	if k.file != "" && left == 0 {
		removeRecord(k.file)
	}
}

// left finds what would outlive this process. Where orphans are adopted, that
// is whoever is below it, marked or not. Who was a child of it before it was a
// gateway is left alone, and then nobody without the mark is touched: it could
// be that child's.
func (k *Keeper) left() []proc {
	self := os.Getpid()
	guardPID := 0
	if k.guard != nil {
		guardPID = k.guard.cmd.Process.Pid
	}
	all := processes()
	var found, ask []proc
	for _, p := range people(all) {
		relation := kin(all, p, self)
		switch {
		case p.pid == guardPID, k.adopter != nil && relation == stranger:
		case k.adopter != nil && len(k.adopter.before) == 0 && relation == descendant:
			found = append(found, p)
		default:
			ask = append(ask, p)
		}
	}
	return append(found, carries(ask, InstanceVariable+"="+k.opts.Instance)...)
}
