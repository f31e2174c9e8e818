package cpu

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// readTicks reads the time of all processors. Waiting for a disk counts as busy,
// and so does what other guests of the host have taken.
func readTicks() (ticks, bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return ticks{}, false
	}
	return parseTicks(stat)
}

// parseTicks parses the line "cpu user nice system idle iowait irq softirq steal
// ...". What follows is part of user.
func parseTicks(stat []byte) (t ticks, ok bool) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return ticks{}, false
	}
	for i, field := range fields[1:9] {
		n, err := strconv.ParseFloat(string(field), 64)
		if err != nil {
			return ticks{}, false
		}
		t.total += n
		if i == 3 {
			t.idle = n
		}
	}
	return t, true
}

// readSpent reads what the cgroup (version 2) of this process has used. Only its
// own limit counts, none of those around it.
func readSpent() spent {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return spent{}
	}
	_, path, ok := strings.Cut("\n"+string(groups), "\n0::")
	if !ok {
		return spent{}
	}
	path, _, _ = strings.Cut(path, "\n")
	dir := filepath.Join("/sys/fs/cgroup", path)
	limit, err := os.ReadFile(filepath.Join(dir, "cpu.max"))
	if err != nil {
		return spent{}
	}
	stat, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
	if err != nil {
		return spent{}
	}
	return parseSpent(string(limit), string(stat))
}

// parseSpent parses "QUOTA PERIOD", or "max PERIOD", and the line "usage_usec N".
func parseSpent(limit, stat string) spent {
	fields := strings.Fields(limit)
	_, usage, ok := strings.Cut("\n"+stat, "\nusage_usec ")
	if len(fields) != 2 || !ok {
		return spent{}
	}
	usage, _, _ = strings.Cut(usage, "\n")
	quota, err1 := strconv.ParseFloat(fields[0], 64)
	period, err2 := strconv.ParseFloat(fields[1], 64)
	used, err3 := strconv.ParseFloat(usage, 64)
	if err1 != nil || err2 != nil || err3 != nil || period <= 0 {
		return spent{}
	}
	return spent{used: used / 1e6, perSecond: quota / period}
}
