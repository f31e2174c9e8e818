package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// procfs reports whether CPU time and memory of other processes can be read here.
const procfs = true

// cpuTime is what a process has used so far, without its children; 0 if it is
// gone. Its threads' schedstat counts nanoseconds, but some kernels lack it.
func cpuTime(pid int) time.Duration {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var sum time.Duration
	for _, path := range threads {
		text, _ := os.ReadFile(path)
		running, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(running, 10, 64)
		sum += time.Duration(n)
	}
	if sum == 0 {
		return cpuTicks(pid)
	}
	return sum
}

// cpuTicks is the same in steps of 10 ms.
func cpuTicks(pid int) time.Duration {
	const tick = 10 * time.Millisecond // The same on all of Linux.
	fields := statOf(pid)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// statOf returns the fields of /proc/PID/stat behind the name, the state first.
func statOf(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// descendants lists the children of a process, theirs, and so on.
func descendants(pid int) []int {
	children := map[int][]int{}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range all {
		child, _ := strconv.Atoi(filepath.Base(path))
		if fields := statOf(child); len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], child)
		}
	}
	list := children[pid]
	for i := 0; i < len(list); i++ {
		list = append(list, children[list[i]]...)
	}
	return list
}

// memoryOf returns the resident memory of a process, now and at its peak.
func memoryOf(pid int) memory {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	var m memory
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			m.now = kib << 10
		case "VmHWM:":
			m.peak = kib << 10
		}
	}
	return m
}
