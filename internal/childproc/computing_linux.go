package childproc

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

const (
	// maxComputing is how many processes Computing looks at.
	maxComputing = 16
	// maxThreads is how many threads of each.
	maxThreads = 64
)

// Computing reports whether the child or a descendant of it runs, waits for a
// processor, or waits for a disk at this moment, as far as the system says: one
// that waits for input does not. It costs a read or two of /proc for each
// process, and one for each of its threads.
func (p *Process) Computing() bool {
	var buffer [maxStat]byte
	pids := []int{p.PID()}
	for i := 0; i < len(pids) && i < maxComputing; i++ {
		main := strconv.Itoa(pids[i])
		if works(pids[i], "stat", buffer[:]) {
			return true
		}
		for _, thread := range threads(pids[i]) {
			if thread != main && works(pids[i], "task/"+thread+"/stat", buffer[:]) {
				return true
			}
		}
		for child := range strings.FieldsSeq(string(readOnce(pids[i], "task/"+main+"/children", buffer[:]))) {
			if pid, err := strconv.Atoi(child); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return false
}

// works reports whether a process or thread has work to do, by its stat.
func works(pid int, file string, buffer []byte) bool {
	stat := readOnce(pid, file, buffer)
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return false // It is gone.
	}
	state := bytes.TrimSpace(stat[end+1:])
	return len(state) > 0 && (state[0] == 'R' || state[0] == 'D')
}

// threads lists the threads of a process, or some of many.
func threads(pid int) []string {
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return nil
	}
	defer closeAll(dir)
	names, _ := dir.Readdirnames(maxThreads) // What was read before an error still counts.
	return names
}
