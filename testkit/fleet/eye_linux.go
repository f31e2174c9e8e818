package fleet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/testkit"
)

// Eye watches the processes of servers from outside. Each of them writes to one file that
// it has started, and the id of each call that it runs; the eye looks in /proc which of
// them live. So copies of one server, and calls that ran twice, are facts.
type Eye struct {
	path  string
	every time.Duration // between its looks
	t     testing.TB
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	copies  map[string][]*Copy
	ran     map[string]int // by id
	overlap map[string]time.Duration
	at      int64 // how far the file has been read
}

// Copy is one process of a server.
type Copy struct {
	PID     int
	Started time.Time // when the eye saw it first
	Ended   time.Time // zero while it lives
	// Acted is when it was last seen to be able to act, and Idle when it was first seen not
	// to be any more. Between them it may have acted.
	Acted, Idle time.Time

	last condition
}

func openEye(t testing.TB, path string, every time.Duration) *Eye {
	t.Helper()
	e := &Eye{path: path, every: every, t: t, stop: make(chan struct{}), done: make(chan struct{}), copies: map[string][]*Copy{}, ran: map[string]int{}, overlap: map[string]time.Duration{}}
	go e.watch()
	t.Cleanup(func() {
		close(e.stop)
		<-e.done
	})
	return e
}

func (e *Eye) watch() {
	defer close(e.done)
	tick := time.NewTicker(e.every)
	defer tick.Stop()
	for last := time.Now(); ; {
		now := time.Now()
		e.look(now, now.Sub(last))
		last = now
		select {
		case <-tick.C:
		case <-e.stop:
			return
		}
	}
}

// look takes one look, some time after the last one.
func (e *Eye) look(now time.Time, since time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read(now)
	for tag, copies := range e.copies {
		acting := 0
		for _, c := range copies {
			if !c.Ended.IsZero() {
				continue
			}
			if c.see(conditionOf(stat(c.PID)), now) {
				acting++
			}
		}
		if acting > 1 {
			e.overlap[tag] += since
		}
	}
}

// see notes in what condition a copy is, and reports whether it can act.
func (c *Copy) see(is condition, now time.Time) bool {
	switch {
	case is == acts:
		c.Acted = now
	case is != c.last && c.last != dying: // A copy that was stopped may have acted since, before it was killed.
		c.Idle = now
	}
	if is == ended {
		c.Ended = now
	}
	c.last = is
	return is == acts
}

// read reads what the processes have written since. The mutex is held.
func (e *Eye) read(now time.Time) {
	f, err := os.Open(e.path)
	if err != nil {
		return // Nobody has written anything yet.
	}
	defer f.Close()
	if _, err := f.Seek(e.at, io.SeekStart); err != nil {
		return
	}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return // The last one is still being written, or there is none.
		}
		e.at += int64(len(line))
		var r testkit.Recorded
		if json.Unmarshal(line, &r) != nil {
			continue
		}
		switch r.Event {
		case "start":
			e.copies[r.Tag] = append(e.copies[r.Tag], &Copy{PID: r.PID, Started: now})
		case "call":
			e.ran[strings.Trim(string(r.ID), `"`)]++
		}
	}
}

// Live are the processes of a server that live.
func (e *Eye) Live(tag string) []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var pids []int
	for _, c := range e.copies[tag] {
		if c.Ended.IsZero() {
			pids = append(pids, c.PID)
		}
	}
	return pids
}

// AwaitCopy waits until one process of a server lives.
func (e *Eye) AwaitCopy(tag string) {
	e.t.Helper()
	testkit.Eventually(e.t, "one copy of "+tag+" lives", func() bool { return len(e.Live(tag)) == 1 })
}

// Copies are all processes of each server that there have been, in order.
func (e *Eye) Copies() map[string][]Copy {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string][]Copy{}
	for tag, copies := range e.copies {
		for _, c := range copies {
			all[tag] = append(all[tag], *c)
		}
	}
	return all
}

// Overlap is for how long more than one process of a server lived and could act, of the
// server for which that was longest. It counts from the look before that.
func (e *Eye) Overlap() (tag string, longest time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for t, d := range e.overlap {
		if d > longest {
			tag, longest = t, d
		}
	}
	return tag, longest
}

// Forgive forgets what Overlap has been so far.
func (e *Eye) Forgive() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.overlap)
}

// Ran is how often a call of that id ran.
func (e *Eye) Ran(id string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ran[id]
}

// Twice are the calls that ran more than once.
func (e *Eye) Twice() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for id, n := range e.ran {
		if n > 1 && id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// settle takes a look at all that has been written by now.
func (e *Eye) settle() { e.look(time.Now(), 0) }

// condition is what a process can do.
type condition int

const (
	unseen condition = iota
	acts
	stopped // by a signal
	dying   // it was killed, and waits for a processor to end
	ended
)

// What the kernel says of a process in /proc/PID/stat, by the place behind the name.
const (
	stateAt, flagsAt, pendingAt = 0, 6, 28
	exiting                     = 0x4    // of the flags: PF_EXITING
	killed                      = 1 << 8 // of the pending signals: SIGKILL
)

// conditionOf tells what a process can do by the fields that stat returns. One that was
// killed does nothing of its own any more, but on a busy machine it is there for long.
func conditionOf(fields []string) condition {
	if len(fields) <= pendingAt {
		return ended
	}
	flags, _ := strconv.ParseUint(fields[flagsAt], 10, 64)
	pending, _ := strconv.ParseUint(fields[pendingAt], 10, 64)
	switch state := fields[stateAt]; {
	case state == "Z" || state == "X":
		return ended
	case flags&exiting != 0 || pending&killed != 0:
		return dying
	case state == "T":
		return stopped
	default:
		return acts
	}
}

// parent is the parent of a process; 0 if there is none.
func parent(pid int) int {
	if fields := stat(pid); len(fields) > 1 {
		n, _ := strconv.Atoi(fields[1])
		return n
	}
	return 0
}

// stat returns the fields of /proc/PID/stat behind the name.
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return statFields(text)
}

func statFields(text []byte) []string {
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// descendants are the children of a process, and theirs.
func descendants(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, entry := range entries {
		if id, err := strconv.Atoi(entry.Name()); err == nil {
			children[parent(id)] = append(children[parent(id)], id)
		}
	}
	all := slices.Clone(children[pid])
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}
