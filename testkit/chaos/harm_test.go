//go:build linux

package chaos_test

import (
	"slices"
	"strings"
	"syscall"
)

// victim picks a server that may be hurt, and its process; 0 if it has none
// just now.
func (w *world) victim() (name string, pid int) {
	name = hurtNames[w.rnd.IntN(len(hurtNames))]
	return name, w.processOf(name)
}

// processOf is the process that last became ready, if it still runs. Of a
// wrapper it is sometimes the child.
func (w *world) processOf(name string) int {
	pid := 0
	for _, l := range w.g.Log.Lines() {
		if l.Msg == "server ready" && l.Str("server") == name {
			pid = l.Int("pid")
		}
	}
	for _, p := range descendants(w.g.PID()) {
		if kinds[name].wrapper && p.parent == pid && w.rnd.IntN(2) == 0 {
			return p.pid
		}
		if p.pid == pid && strings.Contains(p.command, w.record) {
			return pid
		}
	}
	return 0
}

func (w *world) kill() {
	if _, pid := w.victim(); pid != 0 {
		w.signal(pid, [...]syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV}[w.rnd.IntN(4)])
	}
}

// massacre kills all that may be hurt at once.
func (w *world) massacre() {
	for _, name := range hurtNames {
		if pid := w.processOf(name); pid != 0 {
			w.signal(pid, syscall.SIGKILL)
		}
	}
}

// signal sends a signal. That the process has ended meanwhile is fine.
func (w *world) signal(pid int, sig syscall.Signal) { _ = syscall.Kill(pid, sig) }

// pauseOne stops a process for a few steps.
func (w *world) pauseOne(now int) {
	if _, pid := w.victim(); pid != 0 {
		w.signal(pid, syscall.SIGSTOP)
		w.paused = append(w.paused, pause{pid, now + 1 + w.rnd.IntN(4)})
	}
}

// wake lets those go on whose time has come, but for those that are frozen as well.
func (w *world) wake(now int) {
	w.paused = slices.DeleteFunc(w.paused, func(p pause) bool {
		if p.until > now {
			return false
		}
		if group, err := syscall.Getpgid(p.pid); err == nil && !w.isFrozen(group) {
			w.signal(p.pid, syscall.SIGCONT)
		}
		return true
	})
}

// freeze stops a server and all of its group for good. The gateway has to find
// out: a call that gets no answer in time makes it ask.
func (w *world) freeze() {
	name, pid := w.victim()
	group, err := syscall.Getpgid(pid)
	if pid == 0 || err != nil || group == syscall.Getpgrp() {
		return
	}
	w.signal(-group, syscall.SIGSTOP)
	w.frozen = append(w.frozen, frozen{name, pid, group})
	w.aside(w.t, &call{agent: boss, server: name, tool: "hang", args: map[string]any{}, timeoutMS: 200})
}

func (w *world) isFrozen(group int) bool {
	return slices.ContainsFunc(w.frozen, func(f frozen) bool { return f.group == group })
}

// crash makes a server die of a call.
func (w *world) crash() {
	name := hurtNames[w.rnd.IntN(len(hurtNames))]
	args := map[string]any{"ms": w.rnd.IntN(20), "answer": w.rnd.IntN(3) == 0}
	if w.rnd.IntN(2) == 0 {
		args["signal"] = "kill"
	} else {
		args["code"] = w.rnd.IntN(3)
	}
	w.aside(w.t, &call{agent: boss, server: name, tool: "crash", args: args})
}

// flood makes a server write without end where it should not.
func (w *world) flood() {
	name := hurtNames[w.rnd.IntN(len(hurtNames))]
	args := [...]map[string]any{
		{"n": 20_000, "bytes": 200}, {"n": 5_000, "bytes": 100, "kind": "junk"}, {"n": 64, "bytes": 64 << 10, "kind": "endless"},
	}[w.rnd.IntN(3)]
	w.aside(w.t, &call{agent: boss, server: name, tool: "flood", args: args})
}
