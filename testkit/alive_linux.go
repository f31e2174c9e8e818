package testkit

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Alive reports whether a process runs. A zombie does not.
func Alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state follows the name, which is in parentheses and may hold any.
	i := bytes.LastIndexByte(stat, ')')
	return i >= 0 && len(stat) > i+2 && stat[i+2] != 'Z' && stat[i+2] != 'X'
}

// begunAfter reports whether who has a pid began after a time, and so is not the
// process that had it then: where there are few pids, they soon come again.
func begunAfter(pid int, at time.Time) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // Empty when it has gone.
	_, rest, _ := strings.Cut(string(stat[max(0, bytes.LastIndexByte(stat, ')')):]), " ")
	fields := strings.Fields(rest)
	uptime, err := os.ReadFile("/proc/uptime")
	up, _, _ := strings.Cut(string(uptime), " ")
	seconds, err2 := strconv.ParseFloat(up, 64)
	if err != nil || err2 != nil || len(fields) < 20 {
		return false
	}
	ticks, err := strconv.ParseFloat(fields[19], 64) // Since the system's start, a hundred a second.
	age := time.Duration((seconds - ticks/100) * float64(time.Second))
	return err == nil && time.Now().Add(-age).After(at.Add(time.Second))
}
