package childproc

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// proc is one process, as /proc shows it.
type proc struct {
	pid, ppid, pgid, sid int
	start                uint64 // in ticks since the system started
	zombie               bool
}

// procID identifies a process: a pid is reused, but not within one tick of the
// clock.
type procID struct {
	pid   int
	start uint64
}

func (p proc) id() procID { return procID{p.pid, p.start} }

// filesRead and scansOfProc count the files of /proc that were read, and how
// often all of it was, for tests: the cost of an end must not grow with the
// machine.
var filesRead, scansOfProc atomic.Int64

// readProcFile reads a file in the folder of one process, limit bytes at most.
// What was read before an error still counts.
func readProcFile(pid int, name string, limit int) []byte {
	data, _ := tryProcFile(pid, name, limit)
	return data
}

// tryProcFile reads without os.File, which costs more than these files do: who
// ends a server reads hundreds of them.
func tryProcFile(pid int, name string, limit int) ([]byte, error) {
	filesRead.Add(1)
	path := "/proc/" + strconv.Itoa(pid) + "/" + name
	fd, err := retried(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	data := make([]byte, 0, min(usualFile, limit))
	for len(data) < limit {
		if len(data) == cap(data) {
			data = slices.Grow(data, len(data))
		}
		room := data[len(data):min(cap(data), limit)]
		n, err := retried(func() (int, error) { return unix.Read(fd, room) })
		if n <= 0 || err != nil {
			return data, err
		}
		data = data[:len(data)+n]
	}
	return data, nil
}

// retried calls again what a signal has interrupted.
func retried(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// readOnce is readProcFile for a file that is read often and is small: it takes three
// calls of the system, into a buffer that is there. What does not fit is left out.
func readOnce(pid int, name string, into []byte) []byte {
	filesRead.Add(1)
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	n, err := unix.Read(fd, into)
	_ = unix.Close(fd) // It was only read.
	if err != nil {
		return nil
	}
	return into[:n]
}

// readProc reads one process; it reports false if there is none.
func readProc(pid int) (proc, bool) {
	return parseStat(pid, string(readProcFile(pid, "stat", maxStat)))
}

// parseStat reads the fields of /proc/PID/stat. The second one, the name, is
// in parentheses and may hold anything, parentheses included.
func parseStat(pid int, stat string) (proc, bool) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return proc{}, false
	}
	fields := make([]string, 0, 20) // from the third on
	for field := range strings.FieldsSeq(stat[i+1:]) {
		if fields = append(fields, field); len(fields) == cap(fields) {
			break
		}
	}
	if len(fields) < cap(fields) {
		return proc{}, false
	}
	p := proc{pid: pid}
	var errs [4]error
	p.ppid, errs[0] = strconv.Atoi(fields[1])
	p.pgid, errs[1] = strconv.Atoi(fields[2])
	p.sid, errs[2] = strconv.Atoi(fields[3])
	p.start, errs[3] = strconv.ParseUint(fields[19], 10, 64)
	// It is not a zombie while other threads of it go on.
	p.zombie = fields[0] == "X" || fields[0] == "Z" && (fields[17] == "0" || fields[17] == "1")
	return p, errors.Join(errs[:]...) == nil
}

// processes reads all processes that this one can see. What begins or ends
// meanwhile may be missing.
func processes() map[int]proc {
	scansOfProc.Add(1)
	pids := allPIDs()
	all := make(map[int]proc, len(pids))
	for _, pid := range pids {
		if p, ok := readProc(pid); ok {
			all[pid] = p
		}
	}
	return all
}

// allPIDs lists the processes that this one can see.
func allPIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer closeAll(dir)
	names, _ := dir.Readdirnames(-1) // What was read before an error still counts.
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

const (
	// usualFile is as much as most of these files have, in bytes.
	usualFile = 1 << 10
	// maxStat is more than a stat has, in bytes.
	maxStat = 4 << 10
	// maxEnviron is how much of a process's environment is looked at, in bytes:
	// more than the kernel lets a program begin with.
	maxEnviron = 8 << 20
)

// entries looks for a variable in the environments that the processes began
// with, and returns those that have it by the whole entry, "KEY=value". One that
// is being executed just now has no environment for a moment, so those without
// any are asked twice.
func entries(of []proc, key string) map[string][]proc {
	found := map[string][]proc{}
	var empty []proc
	for _, p := range of {
		if !p.addTo(found, key) {
			empty = append(empty, p)
		}
	}
	if len(empty) > 0 {
		time.Sleep(2 * time.Millisecond)
	}
	for _, p := range empty {
		p.addTo(found, key)
	}
	return found
}

// addTo adds the process to the lists of its entries with this key. It reports
// false while the process has no environment to look at.
func (p proc) addTo(found map[string][]proc, key string) bool {
	env, known := p.environ()
	if !bytes.Contains(env, []byte(key+"=")) {
		return known
	}
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if name, _, ok := bytes.Cut(kv, []byte{'='}); ok && string(name) == key && !slices.Contains(found[string(kv)], p) {
			found[string(kv)] = append(found[string(kv)], p)
		}
	}
	return known
}

// environ reads the environment that a process began with; known is false
// while it has none to look at, and true if it is nobody's but its user's.
func (p proc) environ() (env []byte, known bool) {
	env, err := tryProcFile(p.pid, "environ", maxEnviron)
	return env, len(env) > 0 || errors.Is(err, fs.ErrPermission)
}

// carriers returns those of the processes that have this variable with this
// value in their environment.
func carriers(of []proc, key, value string) []proc {
	return entries(of, key)[key+"="+value]
}

// signal sends a signal to exactly this process, never to a later one with the
// same pid. An error means that it is gone or not ours to signal.
func (p proc) signal(sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	// From here on fd means one process: the one that is looked at now.
	now, ok := readProc(p.pid)
	same := ok && now.id() == p.id()
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

// alive reports whether this very process still runs.
func (p proc) alive() bool {
	now, ok := readProc(p.pid)
	return ok && now.id() == p.id() && !now.zombie
}

// kernelThreads is the parent of the kernel's own threads.
const kernelThreads = 2

// people returns the processes that can belong to a server: not the kernel's,
// not zombies, not this one.
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

// bootID returns an id that changes with each start of the system, or "" if
// there is none.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // Empty if not.
	return strings.TrimSpace(string(id))
}

// pidSpace names the pid namespace of this process.
func pidSpace() string {
	ns, _ := os.Readlink("/proc/self/ns/pid") // Empty if not.
	return ns
}
