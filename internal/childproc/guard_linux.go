package childproc

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// guardVariable makes a program a guard. Its value is the instance.
	guardVariable = "GATEHOUSE_GUARD"
	// guardRecord is the record that the guard removes when all is done.
	guardRecord = "GATEHOUSE_GUARD_RECORD"

	// guardTerm is how long processes have to obey TERM once their gateway is
	// gone.
	guardTerm = 200 * time.Millisecond
	// guardRounds is how often the guard looks again, guardPause later each
	// time, until it finds nothing.
	guardRounds = 20
	guardPause  = 50 * time.Millisecond
)

// init turns a process that was started as a guard into one. It is here and not
// in package main because what a program imports is set up in the order of
// names: the parts of the gateway that take most time and memory for that come
// later, and a guard needs none of them.
func init() {
	if validInstance(os.Getenv(guardVariable)) {
		os.Exit(runGuard())
	}
}

// runGuard is the whole life of a guard. It blocks until the gateway that
// started it closes its pipe or dies, ends what is left of that gateway, and
// returns the exit code.
//
// A guard has none of the gateway's files but the read end of the pipe, is in a
// session of its own, and ignores polite signals: it must outlast everything
// else.
func runGuard() int {
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT)
	_ = os.WriteFile("/proc/self/comm", []byte("gatehouse-guard"), 0) // For ps; nothing depends on it.
	instance := os.Getenv(guardVariable)
	groups := listen(os.Stdin, instance)
	killAt := time.Now().Add(guardTerm)
	for range guardRounds {
		met, left := ending{
			find:   func() []proc { return leftBy(instance, nil, groups.own) },
			anew:   targetsLeftBy(instance, nil, groups.own),
			killAt: func() time.Time { return killAt },
		}.run()
		if left > 0 {
			return 1
		}
		if met == 0 {
			if path := os.Getenv(guardRecord); path != "" {
				removeRecord(path)
			}
			return 0
		}
		time.Sleep(guardPause)
	}
	return 1
}

// groups are the process groups of live servers, by the leader's pid.
type groups map[int]leaderOf

// leaderOf is what is known about a group's leader.
type leaderOf struct {
	start  uint64
	sid    int
	leased bool
}

// hear takes in a line that says that a group has begun or ended, and reports whether
// one has begun that runs by a lease.
func (g groups) hear(line string) (leased bool) {
	f := strings.Fields(line)
	if len(f) == 0 {
		return false
	}
	pid, err := strconv.Atoi(f[0][1:])
	switch {
	case err != nil || pid <= 1:
	case f[0][0] == '-':
		delete(g, pid)
	case f[0][0] == '+' && (len(f) == 3 || len(f) == 4 && f[3] == leasedWord):
		start, _ := strconv.ParseUint(f[1], 10, 64)
		sid, _ := strconv.Atoi(f[2])
		leased = len(f) == 4
		g[pid] = leaderOf{start, sid, leased}
	}
	return leased
}

func tellBegin(c child) string {
	line := fmt.Sprintf("+%d %d %d", c.pid, c.start, c.sid)
	if c.leased {
		line += " " + leasedWord
	}
	return line + "\n"
}

func tellEnd(p proc) string { return fmt.Sprintf("-%d\n", p.pid) }

// own reports whether a process is in one of the groups. A leader that still
// exists must be the one that was started. Most are gone by now; the number of
// such a leader cannot be reused while its group lives.
func (g groups) own(all map[int]proc, p proc) bool {
	known, ok := g[p.pgid]
	if !ok {
		return false
	}
	if leader, there := all[p.pgid]; there {
		return leader.start == known.start
	}
	return p.sid == known.sid && p.start >= known.start
}

// guard is a running guard, as the gateway sees it.
type guard struct {
	cmd   *exec.Cmd
	pipe  *os.File
	told  map[int]proc
	ended chan struct{}
}

// startGuard starts this very program again, as a guard.
func startGuard(instance, record string) (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start the guard: %w", err)
	}
	defer closeAll(r)
	g := &guard{pipe: w, told: map[int]proc{}, ended: make(chan struct{})}
	g.cmd = &exec.Cmd{
		Path:        "/proc/self/exe", // Right even if the file was replaced meanwhile.
		Args:        []string{"gatehouse", "guard"},
		Env:         guardEnviron(instance, record),
		Dir:         "/",
		Stdin:       r, // Stdout and stderr are /dev/null: clients wait for the end of ours.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := startOwned(g.cmd, child{}); err != nil {
		closeAll(w)
		return nil, fmt.Errorf("cannot start the guard: %w", err)
	}
	go func() { // Ends with the guard.
		_ = g.cmd.Wait() // How it ended makes no difference.
		disown(g.cmd.Process.Pid)
		close(g.ended)
	}()
	return g, nil
}

// guardEnviron is all that a guard knows of its surroundings. It needs little:
// one thread that works, and a small heap. A build with the race detector has
// the detector's options too: without them each end would take a second.
func guardEnviron(instance, record string) []string {
	env := []string{guardVariable + "=" + instance, guardRecord + "=" + record, "GOMAXPROCS=1", "GOGC=50"}
	if options, ok := os.LookupEnv("GORACE"); ok {
		env = append(env, "GORACE="+options)
	}
	return env
}

// tellPatience is how long a guard may take to read.
const tellPatience = time.Second

// tell sends the guard the changes to the list of servers. A guard that does not
// read is killed.
func (g *guard) tell(now map[int]child) {
	var text strings.Builder
	for pid, p := range g.told {
		if now[pid].start != p.start {
			text.WriteString(tellEnd(p))
			delete(g.told, pid)
		}
	}
	for pid, c := range now {
		if _, ok := g.told[pid]; c.leads && !ok {
			text.WriteString(tellBegin(c))
			g.told[pid] = c.proc
		}
	}
	if text.Len() == 0 {
		return
	}
	if err := g.say(text.String(), tellPatience); err != nil {
		_ = g.cmd.Process.Kill() // It may be gone already.
	}
}

// say writes to the guard. It blocks for so long at most.
func (g *guard) say(text string, patience time.Duration) error {
	err := g.pipe.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = g.pipe.WriteString(text)
	}
	return err
}

// dismiss lets the guard look one last time, and waits for its end.
func (g *guard) dismiss(patience time.Duration) {
	closeAll(g.pipe)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-g.ended:
	case <-timer.C:
		_ = g.cmd.Process.Kill()
		<-g.ended
	}
}
