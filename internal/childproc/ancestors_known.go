//go:build linux || darwin

package childproc

import "slices"

// maxAncestors is more than any process has.
const maxAncestors = 1000

// ancestorTries is how often a chain of parents is followed that breaks.
const ancestorTries = 10

// Ancestors lists the processes above a process, the nearest first, as far as
// they can be seen. whole is false if one of them ended meanwhile, so that
// there may be more of them; also where there is no such process.
func Ancestors(pid int) (list []Ancestor, whole bool) {
	p, ok := readLink(pid)
	for ok && len(list) < maxAncestors {
		if p.parent == 0 { // The first process, or one whose parent is in another namespace.
			return list, true
		}
		above, there := readLink(p.parent)
		if ok = there && above.start <= p.start; !ok {
			break
		}
		list = append(list, Ancestor{PID: p.parent, Marked: isMarked(p.parent)})
		p = above
	}
	return list, false
}

// link is what is known of a process in a chain of parents.
type link struct {
	parent int
	start  uint64 // in any unit
}

// DescendsFrom reports whether a process is below another, or whether that
// cannot be ruled out: a chain of parents that breaks while it is followed is
// followed again, a few times. A process that cannot be seen at all, pid 0, is
// in another namespace and not below anything here.
func DescendsFrom(pid, root int) bool {
	if pid == 0 {
		return false
	}
	for range ancestorTries {
		above, whole := Ancestors(pid)
		if pid == root || slices.ContainsFunc(above, func(a Ancestor) bool { return a.PID == root }) {
			return true
		}
		if whole {
			return false
		}
	}
	return true
}
