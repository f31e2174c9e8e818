package childproc

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// listsChildren reports whether the kernel lists the children of a process.
// Where it does, the cost of finding descendants grows with their number; else
// all processes of the machine have to be read.
var listsChildren = sync.OnceValue(func() bool {
	_, err := os.Stat("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
	return err == nil
})

// everybody is a look at all processes, shared by all that need one.
var everybody = newShared(processes)

// listTries is how often lists of children are read, at most, until they show
// nothing new: the kernel may leave a child out while another one ends.
const listTries = 5

// maxList is how much of a list of children is read, in bytes.
const maxList = 8 << 20

// childrenOf reads the pids that the kernel lists as children of a process,
// zombies included. It lists them by thread.
func childrenOf(pid int) []int {
	var pids []int
	for _, thread := range threadsOf(pid) {
		list := readProcFile(pid, "task/"+thread+"/children", maxList)
		for text := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(text); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func threadsOf(pid int) []string {
	filesRead.Add(1)
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return nil
	}
	defer closeAll(dir)
	names, _ := dir.Readdirnames(-1) // What was read before an error still counts.
	return names
}

// unownedChildren reads the children of this process that this package did not
// start: orphans, zombies included, and who was there before.
func unownedChildren() map[procID]proc {
	found := map[procID]proc{}
	if !listsChildren() {
		owned, _ := ownedChildren()
		self := os.Getpid()
		for _, p := range everybody.get() {
			if _, ours := owned[p.pid]; p.ppid == self && !ours {
				found[p.id()] = p
			}
		}
		return found
	}
	for range listTries {
		owned, _ := ownedChildren()
		before := len(found)
		for _, pid := range childrenOf(os.Getpid()) {
			if _, ours := owned[pid]; ours {
				continue
			}
			if p, ok := readProc(pid); ok {
				found[p.id()] = p
			}
		}
		if len(found) == before {
			break
		}
	}
	return found
}

// descendants finds the processes below root, but for zombies. It finds none
// if root is gone.
func descendants(root proc) []proc {
	if !listsChildren() {
		return descendantsAmong(everybody.get(), root)
	}
	found := map[procID]proc{}
	for range listTries {
		before := len(found)
		walk(root, func(p proc) { found[p.id()] = p })
		if len(found) == before {
			break
		}
	}
	out := make([]proc, 0, len(found))
	for _, p := range found {
		if !p.zombie {
			out = append(out, p)
		}
	}
	return out
}

// walk visits the processes below root by the lists of children.
func walk(root proc, visit func(proc)) {
	seen := map[int]bool{root.pid: true}
	for queue := []proc{root}; len(queue) > 0; queue = queue[1:] {
		parent := queue[0]
		pids := childrenOf(parent.pid)
		if len(pids) == 0 {
			continue
		}
		if now, ok := readProc(parent.pid); !ok || now.id() != parent.id() {
			continue // Its pid may have been reused, and the children be another's.
		}
		for _, pid := range pids {
			child, ok := readProc(pid)
			if !ok || child.ppid != parent.pid || seen[pid] {
				continue
			}
			seen[pid] = true
			visit(child)
			queue = append(queue, child)
		}
	}
}

// strays are the marked processes that are in no living child's group: daemons,
// and what an ended child has left. They are sorted by their marks. All who
// look for strays at one time share the look.
var strays = newShared(func() map[string][]proc {
	owned, subreaper := ownedChildren()
	candidates := slices.DeleteFunc(outsiders(subreaper), func(p proc) bool {
		return owned[p.pgid].leads
	})
	return entries(candidates, runVariable)
})

// outsiders are those among whom strays are. Where orphans become our children,
// strays are among these and below them; else they can be anywhere.
func outsiders(subreaper bool) []proc {
	if subreaper && listsChildren() {
		var found []proc
		for _, p := range unownedChildren() {
			if !p.zombie {
				found = append(append(found, p), descendants(p)...)
			}
		}
		return found
	}
	all, self := everybody.get(), os.Getpid()
	return slices.DeleteFunc(people(all), func(p proc) bool {
		return subreaper && kin(all, p, self) == stranger
	})
}

// kinship is what the chain of parents says of a process.
type kinship int

const (
	stranger kinship = iota
	unknownKin
	descendant
)

// kin follows the parents of a process up to root. A parent that ended while
// the list was read leaves the answer open.
func kin(all map[int]proc, p proc, root int) kinship {
	for range len(all) {
		if p.ppid == root {
			return descendant
		}
		if p.ppid <= 1 {
			return stranger
		}
		parent, ok := all[p.ppid]
		if !ok || parent.start > p.start {
			return unknownKin
		}
		p = parent
	}
	return unknownKin
}

// descendantsAmong returns those that are below root for certain.
func descendantsAmong(all map[int]proc, root proc) []proc {
	if all[root.pid].id() != root.id() {
		return nil
	}
	var out []proc
	for _, p := range people(all) {
		if kin(all, p, root.pid) == descendant {
			out = append(out, p)
		}
	}
	return out
}
