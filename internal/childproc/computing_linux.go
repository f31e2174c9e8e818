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
// process, and one for each of its threads if it has several.
func (p *Process) Computing() bool {
	var buffer [maxStat]byte
	pids := []int{p.PID()}
	for i := 0; i < len(pids) && i < maxComputing; i++ {
		main := strconv.Itoa(pids[i])
		works, several := working(pids[i], "stat", buffer[:])
		if works || several && anotherWorks(pids[i], main, buffer[:]) {
			return true
		}
		for child := range strings.FieldsSeq(string(readOnce(pids[i], "task/"+main+"/children", buffer[:]))) {
			if pid, err := strconv.Atoi(child); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return false
}

// anotherWorks reports whether a thread other than the main one has work to do.
func anotherWorks(pid int, main string, buffer []byte) bool {
	for _, thread := range threads(pid) {
		if thread == main {
			continue
		}
		if works, _ := working(pid, "task/"+thread+"/stat", buffer); works {
			return true
		}
	}
	return false
}

// working reports whether a process or thread has work to do, by its stat, and
// whether the process has several threads.
func working(pid int, file string, buffer []byte) (works, several bool) {
	stat := readOnce(pid, file, buffer)
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return false, false // It is gone.
	}
	const state, threads = 0, 17 // Of the fields behind the name.
	at := 0
	for field := range bytes.FieldsSeq(stat[end+1:]) {
		switch at {
		case state:
			works = field[0] == 'R' || field[0] == 'D'
		case threads:
			return works, string(field) != "1"
		}
		at++
	}
	return works, true // Nobody knows.
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
