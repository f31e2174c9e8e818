//go:build linux

package chaos_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// process is a process as /proc shows it.
type process struct {
	pid, parent int
	state       byte
	command     string // its command line, empty for a zombie
}

// processes lists all processes that can be seen.
func processes() []process {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var list []process
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		i := bytes.LastIndexByte(stat, ')') // The name before it may hold anything.
		if err != nil || i < 0 {
			continue // It is gone.
		}
		fields := strings.Fields(string(stat[i+1:]))
		p := process{state: fields[0][0]}
		p.pid, _ = strconv.Atoi(strings.Split(path, "/")[2])
		p.parent, _ = strconv.Atoi(fields[1])
		line, _ := os.ReadFile(filepath.Dir(path) + "/cmdline")
		p.command = strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
		list = append(list, p)
	}
	return list
}

// descendants returns the processes below one.
func descendants(pid int) []process {
	all := processes()
	var found []process
	above := []int{pid}
	for len(above) > 0 {
		parent := above[0]
		above = above[1:]
		for _, p := range all {
			if p.parent == parent {
				found = append(found, p)
				above = append(above, p.pid)
			}
		}
	}
	return found
}

// mentioning returns the living processes whose command line holds a text, those
// aside that are named.
func mentioning(text string, except ...int) []process {
	return slices.DeleteFunc(processes(), func(p process) bool {
		return p.state == 'Z' || !strings.Contains(p.command, text) || slices.Contains(except, p.pid)
	})
}

// attachLock is the lock of the gateway of some files, whose names its own
// follows from.
var attachLock = regexp.MustCompile(`/[0-9a-f]{16}\.lock$`)

// descriptors counts the open descriptors of a process by what they are.
func descriptors(pid int) map[string]int {
	count := map[string]int{}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil {
			continue // It has just been closed.
		}
		if i := strings.Index(to, ":["); i > 0 {
			to = to[:i]
		} else if filepath.IsAbs(to) && attachLock.MatchString(to) {
			to = "file of attach"
		} else if filepath.IsAbs(to) {
			to = "file " + filepath.Base(to)
		}
		count[to]++
	}
	return count
}

// residentKB is how much memory a process holds.
func residentKB(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	return 0
}

// goroutines counts the goroutines of a stack dump by what started them, but for
// those that ask a server for a sign of life: they come and go.
func goroutines(dump []string) map[string]int {
	count := map[string]int{}
	passing := false
	for _, line := range dump {
		passing = passing || strings.Contains(line, ".probeDue.")
		if by, ok := strings.CutPrefix(line, "created by "); ok {
			if by, _, _ = strings.Cut(by, " in goroutine"); !passing {
				count[by]++
			}
			passing = false
		}
	}
	return count
}

// more says what one count has more of than another.
func more(got, than map[string]int) []string {
	var out []string
	for what, n := range got {
		if n > than[what] {
			out = append(out, fmt.Sprintf("%d %s, not %d", n, what, than[what]))
		}
	}
	slices.Sort(out)
	return out
}
