package childproc

import (
	"maps"
	"os/exec"
	"sync"
)

// children are the processes that this package started and reaps itself. All
// other children of this process are orphans, or were there before.
var children = struct {
	mu        sync.Mutex
	starting  int           // being started, so that their pids are not known yet
	owned     map[int]child // started and not reaped
	subreaper bool          // orphans of our descendants become our children
	changed   chan struct{} // holds one: a child began or ended
}{owned: map[int]child{}, changed: make(chan struct{}, 1)}

// child is a process that this package started.
type child struct {
	proc
	leads  bool // a process group, the one that is to end with it
	leased bool // it runs by a lease
}

// startOwned starts cmd so that it cannot be taken for an orphan. If it
// succeeds, disown must be called once the child is reaped.
func startOwned(cmd *exec.Cmd, as child) error {
	children.mu.Lock()
	children.starting++
	children.mu.Unlock()
	err := cmd.Start()
	children.mu.Lock()
	defer children.mu.Unlock()
	children.starting--
	if err == nil {
		p, _ := readProc(cmd.Process.Pid) // There at least as a zombie.
		p.pid = cmd.Process.Pid
		as.proc = p
		children.owned[p.pid] = as
		childrenChanged()
	}
	return err //nolint:wrapcheck // The callers say what was to be started.
}

// disown forgets a child that was reaped.
func disown(pid int) {
	children.mu.Lock()
	defer children.mu.Unlock()
	delete(children.owned, pid)
	childrenChanged()
}

// childrenChanged makes the Reaper look, if there is one.
func childrenChanged() {
	select {
	case children.changed <- struct{}{}:
	default:
	}
}

// ownedChildren returns a copy of what was started and is not reaped, and
// whether orphans become our children.
func ownedChildren() (owned map[int]child, subreaper bool) {
	children.mu.Lock()
	defer children.mu.Unlock()
	return maps.Clone(children.owned), children.subreaper
}
