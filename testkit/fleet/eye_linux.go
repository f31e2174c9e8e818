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
	// frozen says that it was stopped by a signal when the eye last looked: it does not
	// act.
	frozen bool
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
			switch state(c.PID) {
			case 0, 'Z', 'X':
				c.Ended = now
			case 'T':
				c.frozen = true
			default:
				c.frozen = false
				acting++
			}
		}
		if acting > 1 {
			e.overlap[tag] += since
		}
	}
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
// server for which that was longest.
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

// state is the letter by which the kernel tells what a process does; 0 if there is none.
func state(pid int) byte {
	if fields := stat(pid); len(fields) > 0 {
		return fields[0][0]
	}
	return 0
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
