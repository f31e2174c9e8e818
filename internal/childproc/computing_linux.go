package childproc

import (
	"bytes"
	"strconv"
	"strings"
)

// maxComputing is how many processes Computing looks at.
const maxComputing = 16

// Computing reports whether the child or a descendant of it runs, waits for a
// processor, or waits for a disk at this moment, as far as the system says: one
// that waits for input does not. It costs a read or two of /proc for each process.
func (p *Process) Computing() bool {
	pids := []int{p.PID()}
	for i := 0; i < len(pids) && i < maxComputing; i++ {
		stat := readProcFile(pids[i], "stat", maxStat)
		if end := bytes.LastIndexByte(stat, ')'); end >= 0 {
			if state := strings.TrimSpace(string(stat[end+1:])); state != "" && strings.ContainsRune("RD", rune(state[0])) {
				return true
			}
		}
		for child := range strings.FieldsSeq(string(readProcFile(pids[i], "task/"+strconv.Itoa(pids[i])+"/children", maxStat))) {
			if pid, err := strconv.Atoi(child); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return false
}
