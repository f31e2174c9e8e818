package childproc

import (
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a child and its descendants, also those that left its group.
type tree struct {
	root proc
	mark string // an entry of their environments; empty if none was set

	mu    sync.Mutex // guards what follows
	known map[procID]bool
}

func newTree(pid int, mark string) *tree {
	root, _ := readProc(pid) // There at least as a zombie.
	root.pid = pid
	return &tree{root: root, mark: mark, known: map[procID]bool{}}
}

// note keeps in mind who is below the child now. It does nothing once the
// child is reaped: its pid may be somebody else's then.
func (t *tree) note() {
	below := descendants(t.root)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range below {
		t.known[p.id()] = true
	}
}

// members finds all that belong to the child, but for itself: those that were
// noted, and the strays with its mark.
func (t *tree) members() []proc {
	found := t.stillThere()
	if t.mark != "" {
		for _, p := range strays.get()[t.mark] {
			found[p.id()] = p
		}
	}
	delete(found, t.root.id())
	return slices.Collect(maps.Values(found))
}

// stillThere returns those that were noted and have not ended, as they are now.
func (t *tree) stillThere() map[procID]proc {
	t.mu.Lock()
	known := slices.Collect(maps.Keys(t.known))
	t.mu.Unlock()
	found := map[procID]proc{}
	for _, id := range known {
		if p, ok := readProc(id.pid); ok && p.id() == id && !p.zombie {
			found[id] = p
		}
	}
	return found
}

// terminate asks those to end that the group's signal does not reach.
func (t *tree) terminate() {
	for _, p := range t.members() {
		if p.pgid != t.root.pid {
			p.signal(unix.SIGTERM)
		}
	}
}

// end ends all that outlived the child, which is reaped: TERM, and KILL at
// killAt.
func (t *tree) end(killAt func() time.Time) {
	ending{find: t.members, killAt: killAt}.run()
}
