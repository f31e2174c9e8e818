//go:build linux

package childproc

import (
	"maps"
	"slices"
	"strings"
)

// ParseStat returns what is found in /proc/PID/stat.
func ParseStat(pid int, stat string) (ppid int, start uint64, ok bool) {
	p, ok := parseStat(pid, stat)
	return p.ppid, p.start, ok
}

// ReadRecord returns whose record a file is.
func ReadRecord(path string) (instance string, pid int, err error) {
	r, err := readRecord(path)
	return r.Instance, r.PID, err
}

// HearGroups returns the groups that a guard knows after these words.
func HearGroups(words string) []int {
	g := groups{}
	for line := range strings.SplitSeq(words, "\n") {
		g.hear(line)
		hearUntil(line)
	}
	return slices.Collect(maps.Keys(g))
}

// ProcReads returns how many files of /proc this process has read, and how
// often it has read the whole of /proc.
func ProcReads() (files, scans int64) { return filesRead.Load(), scansOfProc.Load() }

// WithoutLists makes the kernel look like one that does not list children.
func WithoutLists() { listsChildren = func() bool { return false } }

// NewShared returns the get of a shared look.
func NewShared[T any](take func() T) func() T { return newShared(take).get }

// GuardEnviron returns the environment of an instance's guard.
func GuardEnviron(instance, record string) []string { return guardEnviron(instance, record) }

// ProcFile returns a file in the folder of one process, limit bytes at most.
func ProcFile(pid int, name string, limit int) ([]byte, error) {
	return tryProcFile(pid, name, limit)
}
