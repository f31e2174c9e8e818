package childproc

import (
	"slices"
)

// maxAncestors is more than any process has.
const maxAncestors = 1000

// Ancestors lists the processes above a process, the nearest first, as far as
// they can be seen. whole is false if one of them ended meanwhile, so that
// there may be more of them; also where there is no such process.
func Ancestors(pid int) (list []Ancestor, whole bool) {
	p, ok := readProc(pid)
	for ok && len(list) < maxAncestors {
		if p.ppid == 0 { // The first process, or one whose parent is in another namespace.
			return list, true
		}
		parent, there := readProc(p.ppid)
		if ok = there && parent.start <= p.start; !ok {
			break
		}
		marked := len(entries([]proc{parent}, InstanceVariable)) > 0
		list = append(list, Ancestor{PID: parent.pid, Marked: marked})
		p = parent
	}
	return list, false
}

// DescendsFrom reports whether a process is below another, or whether that
// cannot be ruled out: a chain of parents that breaks while it is followed is
// followed again, a few times. A process that cannot be seen at all, pid 0, is
// in another namespace and not below anything here.
func DescendsFrom(pid, root int) bool {
	if pid == 0 {
		return false
	}
	for range listTries {
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
