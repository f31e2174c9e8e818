package childproc

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// family are the descendants of one child that may have left its group.
type family struct {
	root  proc
	entry string // of their environments; empty if none was set

	mu    sync.Mutex // guards what follows
	known map[int]proc
}

func newFamily(pid int, entry string) *family {
	root, _ := readProc(pid) // There at least as a zombie.
	root.pid = pid
	return &family{root: root, entry: entry, known: map[int]proc{}}
}

// note keeps in mind who is below the child now. It does nothing once the
// child is reaped: its pid may be somebody else's then.
func (f *family) note() {
	all := processes()
	if now, ok := all[f.root.pid]; !ok || now.start != f.root.start {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range descendants(all, f.root.pid) {
		f.known[p.pid] = p
	}
}

// members finds all that belong to the child, but for itself: those that were
// noted, and those that carry its mark. Where orphans are adopted all of them
// are below this process, and nobody else needs to be looked at.
func (f *family) members() []proc {
	f.mu.Lock()
	known := len(f.known)
	f.mu.Unlock()
	if f.entry == "" && known == 0 {
		return nil
	}
	all := processes()
	owned, adopts := ownedChildren()
	self := os.Getpid()
	var found, ask []proc
	for _, p := range people(all) {
		_, leads := owned[p.pgid]
		switch {
		case p.pid == f.root.pid && p.start == f.root.start:
		case f.knows(p):
			found = append(found, p)
		case f.entry == "", leads && p.pgid != f.root.pid:
			// It is in another child's group: its environment need not be read.
		case adopts && kin(all, p, self) == stranger:
		default:
			ask = append(ask, p)
		}
	}
	return append(found, carries(ask, f.entry)...)
}

func (f *family) knows(p proc) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, ok := f.known[p.pid]
	return ok && k.start == p.start
}

// terminate asks those to end that the group's signal does not reach.
func (f *family) terminate() {
	for _, p := range f.members() {
		if p.pgid != f.root.pid {
			p.signal(unix.SIGTERM)
		}
	}
}

// end sees to the end of all that outlived the child, which is reaped: TERM,
// and KILL at killAt.
func (f *family) end(killAt func() time.Time) {
	hunt{find: f.members, killAt: killAt}.run()
}
