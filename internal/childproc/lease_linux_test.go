package childproc_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/bootclock"
	"gatehouse/internal/childproc"
)

const leaseInstance = "leasetest0123456"

func init() {
	roles["starts a stray, then never ends"] = func() {
		stray := exec.Command("/proc/self/exe")
		stray.Env = append(os.Environ(), role+"=never ends")
		stray.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := stray.Start(); err != nil {
			os.Exit(4)
		}
		fmt.Println(stray.Process.Pid)
		forever()
	}
	roles["is a gateway with a lease"] = beGatewayWithALease
}

// beGatewayWithALease starts a leased server that has a stray, and one that has no lease. It
// says all pids, and then has the guard told whatever moments it reads, in
// milliseconds from now; "start" starts another leased server.
func beGatewayWithALease() {
	r := childproc.StartReaper(childproc.ReaperOptions{
		Instance: leaseInstance + strconv.Itoa(os.Getpid()), Guard: true, Log: slog.New(slog.DiscardHandler),
	})
	leased, stray := serve("starts a stray, then never ends", true)
	unleased, _ := serve("never ends", false)
	fmt.Println("servers", leased, stray, unleased)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "start" {
			pid, _ := serve("starts a stray, then never ends", true)
			fmt.Println("started", pid)
			continue
		}
		ms, _ := strconv.Atoi(in.Text())
		now, err := bootclock.Now()
		if err == nil {
			err = r.Lease(now + int64(ms)*int64(time.Millisecond))
		}
		fmt.Println("told", err)
	}
	forever()
}

// serve starts this program again in a role, and returns its pid and the first it says.
func serve(name string, leased bool) (pid int, said string) {
	p, err := childproc.Start(childproc.Command{
		Name: "/proc/self/exe", Dir: "/", Leased: leased,
		Env: []string{role + "=" + name, childproc.InstanceVariable + "=" + leaseInstance + strconv.Itoa(os.Getpid()), "GORACE=atexit_sleep_ms=0"},
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(5)
	}
	said, _ = bufio.NewReader(p.Stdout()).ReadString('\n')
	return p.PID(), strings.TrimSpace(said)
}

// leaseholder is a gateway in a process of its own, as a test sees it.
type leaseholder struct {
	t                       *testing.T
	cmd                     *exec.Cmd
	out                     *bufio.Scanner
	in                      *os.File
	leased, stray, unleased int
}

func startLeaseholder(t *testing.T) *leaseholder {
	t.Helper()
	h := &leaseholder{t: t, cmd: exec.Command("/proc/self/exe")}
	h.cmd.Env = []string{role + "=is a gateway with a lease", "GORACE=atexit_sleep_ms=0"}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h.in, h.cmd.Stdin = w, r
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	t.Cleanup(func() {
		for _, pid := range append(h.guards(), h.cmd.Process.Pid, h.leased, h.stray, h.unleased) {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
		_ = w.Close()
		eventually(t, "the guard ends what is left", func() bool {
			return !lives(h.leased) && !lives(h.stray) && !lives(h.unleased)
		})
	})
	h.out = bufio.NewScanner(out)
	if _, err := fmt.Sscanf(h.line(), "servers %d %d %d", &h.leased, &h.stray, &h.unleased); err != nil {
		t.Fatalf("it must say which servers it has: %v", err)
	}
	return h
}

func (h *leaseholder) line() string {
	h.t.Helper()
	if !h.out.Scan() {
		h.t.Fatalf("the gateway must not end: %v", h.out.Err())
	}
	return h.out.Text()
}

// lease has the guard told a moment from now.
func (h *leaseholder) lease(d time.Duration) {
	h.t.Helper()
	fmt.Fprintln(h.in, d.Milliseconds())
	if got := h.line(); got != "told <nil>" {
		h.t.Fatalf("got %q, want that the guard was told", got)
	}
}

// beforeIts returns a leaseholder to whom do was done before the moment of its lease,
// which is over by now. If this machine stalls meanwhile, another one has more time.
func beforeIts(t *testing.T, moment time.Duration, do func(h *leaseholder)) *leaseholder {
	t.Helper()
	for {
		h := startLeaseholder(t)
		began := time.Now()
		h.lease(moment)
		do(h)
		if time.Since(began) < moment {
			time.Sleep(time.Until(began.Add(moment + moment/2)))
			return h
		}
		if moment > deadline {
			t.Fatalf("this machine takes longer than %v for it, want less", moment)
		}
		moment *= 2
	}
}

// guards are the pids of the gateway's guard.
func (h *leaseholder) guards() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, _ := os.ReadFile(f)
		if slices.Contains(strings.Split(string(env), "\x00"), "GATEHOUSE_GUARD="+leaseInstance+strconv.Itoa(h.cmd.Process.Pid)) {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// lives reports whether there is such a process, and it is no zombie.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || pid == 0 {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

func isThere(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err == nil
}

func TestLease_gatewayFrozen_theGuardKillsWhatRunsByIt(t *testing.T) {
	t.Parallel()
	h := startLeaseholder(t)
	h.lease(300 * time.Millisecond)
	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the leased server and its stray are dead", func() bool { return !lives(h.leased) && !lives(h.stray) })
	if !lives(h.unleased) {
		t.Error("the server without a lease is dead as well, want it to live")
	}
}

func TestLease_renewed_everythingLives(t *testing.T) {
	t.Parallel()
	h := beforeIts(t, 300*time.Millisecond, func(h *leaseholder) { h.lease(time.Hour) })
	if !lives(h.leased) || !lives(h.stray) || !lives(h.unleased) {
		t.Error("a server is dead though the lease was renewed, want all to live")
	}
}

func TestLease_machineFrozen_theOldCopyDiesOnceItThaws(t *testing.T) {
	t.Parallel()
	var all []int
	h := beforeIts(t, time.Second, func(h *leaseholder) {
		all = append(h.guards(), h.cmd.Process.Pid, h.leased, h.stray, h.unleased)
		for _, pid := range all {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
	})
	if !lives(h.leased) {
		t.Fatal("the leased server is dead though nobody could kill it")
	}
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	eventually(t, "the leased server is dead", func() bool { return !lives(h.leased) && !lives(h.stray) })
	if !lives(h.unleased) {
		t.Error("the server without a lease is dead as well, want it to live")
	}
}

// A gateway that was frozen goes on with what it was about to do.
func TestLease_over_whatIsStartedThenIsKilledToo(t *testing.T) {
	t.Parallel()
	h := startLeaseholder(t)
	h.lease(100 * time.Millisecond)
	eventually(t, "the leased server is dead", func() bool { return !lives(h.leased) })
	time.Sleep(500 * time.Millisecond) // The guard looks no more.
	fmt.Fprintln(h.in, "start")
	var late int
	if _, err := fmt.Sscanf(h.line(), "started %d", &late); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the leased server that was started late is dead", func() bool { return !lives(late) })
	if !lives(h.unleased) {
		t.Error("the server without a lease is dead as well, want it to live")
	}
}

func TestLease_guardDied_anotherOneKnowsTheMoment(t *testing.T) {
	t.Parallel()
	h := startLeaseholder(t)
	h.lease(1500 * time.Millisecond)
	was := h.guards()
	for _, pid := range was {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	eventually(t, "another guard is there", func() bool {
		is := h.guards()
		return len(is) > 0 && !slices.Equal(is, was)
	})
	// No gateway kills by itself. It may still be telling the guard, so it is not frozen.
	eventually(t, "the leased server is dead", func() bool { return !lives(h.leased) })
}

func TestLease_guardDied_theNextRenewalHasAnother(t *testing.T) {
	t.Parallel()
	h := startLeaseholder(t)
	h.lease(time.Hour)
	was := h.guards()
	for _, pid := range was {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	eventually(t, "the guard is reaped", func() bool { return !slices.ContainsFunc(was, isThere) }) // Until then it may still be told.
	h.lease(300 * time.Millisecond)                                                                 // It must not be an error.
	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the leased server is dead", func() bool { return !lives(h.leased) })
}

func TestLease_guardHangs_aRenewalIsNotKept(t *testing.T) {
	t.Parallel()
	h := startLeaseholder(t)
	h.lease(time.Hour)
	for _, pid := range h.guards() {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	for range 5 {
		h.lease(time.Hour)
	}
}

func TestLease_withoutAGuard_isAnError(t *testing.T) {
	r := childproc.StartReaper(childproc.ReaperOptions{Instance: leaseInstance, Log: slog.New(slog.DiscardHandler)})
	defer r.Close()
	if err := r.Lease(1); err == nil {
		t.Error("got no error without a guard, want one")
	}
}
