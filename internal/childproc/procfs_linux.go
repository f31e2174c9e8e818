package childproc

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// proc is one process, as /proc shows it. Its pid and start together name it
// for good: a pid is given anew, but not within one tick of the clock.
type proc struct {
	pid, ppid, pgid, sid int
	start                uint64 // in ticks since the system started
	zombie               bool
}

// readProc reads one process; it reports false if there is none.
func readProc(pid int) (proc, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, false
	}
	return parseStat(pid, string(stat))
}

// parseStat reads the fields of /proc/PID/stat. The second one, the name, is
// in parentheses and may hold anything, parentheses included.
func parseStat(pid int, stat string) (proc, bool) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return proc{}, false
	}
	fields := strings.Fields(stat[i+1:]) // from the third on
	if len(fields) < 20 {
		return proc{}, false
	}
	p := proc{pid: pid}
	var errs [4]error
	p.ppid, errs[0] = strconv.Atoi(fields[1])
	p.pgid, errs[1] = strconv.Atoi(fields[2])
	p.sid, errs[2] = strconv.Atoi(fields[3])
	p.start, errs[3] = strconv.ParseUint(fields[19], 10, 64)
	// A zombie whose other threads go on is none.
	p.zombie = fields[0] == "X" || fields[0] == "Z" && (fields[17] == "0" || fields[17] == "1")
	return p, errors.Join(errs[:]...) == nil
}

// ownChildren reads the children of this process. The kernel lists them by
// thread, and may leave one out while another ends: a list counts once it came
// twice. Where the kernel has no such lists, all processes are read, which takes
// long on a large machine.
func ownChildren() map[int]proc {
	var last []string
	for range 10 {
		list, ok := childLists()
		if !ok {
			break
		}
		if last != nil && slices.Equal(list, last) {
			return readAll(list)
		}
		last = list
	}
	self, found := os.Getpid(), map[int]proc{}
	for pid, p := range processes() {
		if p.ppid == self {
			found[pid] = p
		}
	}
	return found
}

// childLists gives the pids that the kernel lists as children of our threads,
// sorted, and not nil; ok is false where it does not list them.
func childLists() (pids []string, ok bool) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil || len(threads) == 0 {
		return nil, false
	}
	pids = []string{}
	for _, thread := range threads {
		list, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/children")
		if err != nil {
			return nil, false
		}
		pids = append(pids, strings.Fields(string(list))...)
	}
	slices.Sort(pids)
	return pids, true
}

// readAll reads the processes with these pids.
func readAll(pids []string) map[int]proc {
	found := map[int]proc{}
	for _, text := range pids {
		pid, _ := strconv.Atoi(text) // What is no number is no process.
		if p, ok := readProc(pid); ok {
			found[pid] = p
		}
	}
	return found
}

// processes reads all processes that this one can see. What begins or ends
// meanwhile may be missing.
func processes() map[int]proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer closeAll(dir)
	names, _ := dir.Readdirnames(-1) // What was read before an error still counts.
	all := make(map[int]proc, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := readProc(pid); ok {
			all[pid] = p
		}
	}
	return all
}

// maxEnviron is how much of a process's environment is looked at, in bytes:
// more than the kernel lets a program begin with.
const maxEnviron = 8 << 20

// carries tells which of the processes have the entry, "KEY=value", in the
// environment that they began with. One that is being executed just now has
// none for a moment, so those without any are asked twice.
func carries(candidates []proc, entry string) []proc {
	var found, empty []proc
	for _, p := range candidates {
		env := environ(p.pid)
		switch {
		case len(env) == 0:
			empty = append(empty, p)
		case hasEntry(env, entry):
			found = append(found, p)
		}
	}
	if len(empty) == 0 {
		return found
	}
	time.Sleep(2 * time.Millisecond)
	for _, p := range empty {
		if hasEntry(environ(p.pid), entry) {
			found = append(found, p)
		}
	}
	return found
}

func environ(pid int) []byte {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil
	}
	defer closeAll(f)
	env, _ := io.ReadAll(io.LimitReader(f, maxEnviron)) // It ends with the process.
	return env
}

func hasEntry(env []byte, entry string) bool {
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if string(kv) == entry {
			return true
		}
	}
	return false
}

// signal sends a signal to exactly this process, never to one that was given
// its pid since. An error means that it is gone or not ours to signal.
func (p proc) signal(sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	// From here on fd means one process: the one that is looked at now.
	now, ok := readProc(p.pid)
	same := ok && now.start == p.start
	if err != nil { // An old kernel, or a sandbox.
		if same {
			_ = unix.Kill(p.pid, sig)
		}
		return
	}
	if same {
		_ = unix.PidfdSendSignal(fd, sig, nil, 0)
	}
	_ = unix.Close(fd)
}

// alive tells whether this very process still runs.
func (p proc) alive() bool {
	now, ok := readProc(p.pid)
	return ok && now.start == p.start && !now.zombie
}

// kernelThreads is the parent of the kernel's own threads.
const kernelThreads = 2

// people are the processes that can be anybody's: not the kernel's, not
// zombies, not this one.
func people(all map[int]proc) []proc {
	self := os.Getpid()
	out := make([]proc, 0, len(all))
	for _, p := range all {
		if !p.zombie && p.pid != self && p.pid != kernelThreads && p.ppid != kernelThreads {
			out = append(out, p)
		}
	}
	return out
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

// descendants gives those that are below root for certain.
func descendants(all map[int]proc, root int) []proc {
	var out []proc
	for _, p := range people(all) {
		if kin(all, p, root) == descendant {
			out = append(out, p)
		}
	}
	return out
}

// bootID changes with each start of the system, and "" if it cannot be had.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // Empty if not.
	return strings.TrimSpace(string(id))
}

// pidSpace names the namespace in which pids mean what they mean here.
func pidSpace() string {
	ns, _ := os.Readlink("/proc/self/ns/pid") // Empty if not.
	return ns
}
