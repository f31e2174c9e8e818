package childproc

import "time"

// Stop ends the child in good order. It does not wait; Done does. It notes
// who is below the child and closes stdin, asks the group to terminate
// (SIGTERM; on Windows CTRL_BREAK) when half of grace has passed, and kills it
// when grace has passed. A grace of 0 or less kills at once.
//
// On Linux this is also for those that left the group. When the child has
// ended they are asked at once, and killed when grace has passed.
//
// It may be called any number of times; a later call can only make the end
// come sooner.
func (p *Process) Stop(grace time.Duration) {
	if grace <= 0 {
		p.Kill()
		return
	}
	if !p.sooner(time.Now().Add(grace)) {
		return
	}
	go p.stop(grace)
}

// Kill kills the child and its whole group at once, and on Linux, when the
// child has ended, what left the group. It does not wait; Done does.
func (p *Process) Kill() {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killAt.IsZero() || now.Before(p.killAt) {
		p.killAt = now
	}
	if !p.reaped {
		p.signaled = true
		p.group.kill()
	}
}

// sooner notes that the child is to be killed at t and reports whether that is
// earlier than what was asked before.
func (p *Process) sooner(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.killAt.IsZero() && !t.Before(p.killAt) {
		return false
	}
	p.killAt = t
	return true
}

// stop carries out one Stop; it ends with the child.
func (p *Process) stop(grace time.Duration) {
	timer := time.NewTimer(grace / 2)
	defer timer.Stop()
	p.tree.note()
	closeAll(p.stdin)
	if !wait(p.exited, timer.C, false) {
		return
	}
	p.tree.note()
	p.terminate()
	p.tree.terminate()
	timer.Reset(grace - grace/2)
	if !wait(p.exited, timer.C, false) {
		return
	}
	p.Kill()
}

// terminate asks the group to end.
func (p *Process) terminate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.signaled = true
		p.group.terminate()
	}
}
