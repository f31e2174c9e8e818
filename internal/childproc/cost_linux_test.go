package childproc_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"gatehouse/internal/childproc"
)

func init() {
	roles["counts what ends cost"] = func() { countEnds(func(p *childproc.Process) { p.Stop(deadline) }) }
	roles["counts what kills cost"] = func() { countEnds((*childproc.Process).Kill) }
	roles["counts what ends cost without lists"] = func() {
		childproc.WithoutLists()
		countEnds(func(p *childproc.Process) { p.Stop(deadline) })
	}
}

// daemonAndCat is a server that ends with its stdin and leaves a daemon.
const daemonAndCat = session + `cat`

// countEnds is a gateway that starts its servers, ends them at once, and
// writes how many files of /proc were read for each, and how often all of /proc.
func countEnds(end func(*childproc.Process)) {
	r := newReaper()
	n, _ := strconv.Atoi(os.Getenv(keepCycles))
	var servers []*childproc.Process
	for range n {
		p, err := childproc.Start(serverOfReaper(daemonAndCat))
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		_, _ = p.Stdout().Read(make([]byte, 16)) // The daemon is there.
		servers = append(servers, p)
	}
	files, scans := childproc.ProcReads()
	var all sync.WaitGroup
	for _, p := range servers {
		all.Go(func() {
			end(p)
			_, _ = io.Copy(io.Discard, p.Stdout())
			<-p.Done()
		})
	}
	all.Wait()
	filesAfter, scansAfter := childproc.ProcReads()
	r.Close()
	fmt.Println((filesAfter-files)/int64(n), scansAfter-scans)
}

// bystanders starts n processes that have nothing to do with a gateway.
func bystanders(t *testing.T, n int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do sleep 4242 >/dev/null & i=$((i+1)); done; echo; wait", n))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // It was killed.
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

func TestEnd_onABusyMachine_looksAtItsOwnProcessesOnly(t *testing.T) {
	shell(t, "") // for its skips
	if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())); err != nil {
		t.Skip("this kernel does not list the children of a process")
	}
	const others, servers = 1000, 20
	bystanders(t, others)
	for _, how := range []string{"counts what ends cost", "counts what kills cost"} {
		files, scans := costOf(t, how, servers)
		t.Logf("%s: %d files of /proc read for each server, all of /proc %d times", how, files, scans)
		if scans > 0 {
			t.Errorf("%s: all of /proc was read %d times, want never", how, scans)
		}
		if files > others {
			t.Errorf("%s: %d files of /proc were read for each server, want fewer than there are other processes, %d", how, files, others)
		}
	}
}

func TestEnd_kernelListsNoChildren_allEndsShareTheirLooks(t *testing.T) {
	shell(t, "") // for its skips
	const servers = 40
	_, scans := costOf(t, "counts what ends cost without lists", servers)
	t.Logf("all of /proc was read %d times for %d servers", scans, servers)
	if scans == 0 || scans >= 3*servers {
		t.Errorf("all of /proc was read %d times, want some times, and fewer than three for each of %d servers", scans, servers)
	}
}

// costOf returns what the gateway of a role has counted.
func costOf(t *testing.T, name string, servers int) (files, scans int) {
	t.Helper()
	c := command(t, name)
	c.Env = append(c.Env, "PATH="+os.Getenv("PATH"), keepInstance+"="+newID(), keepDir+"="+t.TempDir(), keepCycles+"="+strconv.Itoa(servers))
	p := start(t, c)
	got := readAll(p)(t)
	await(t, p.Done(), "the gateway's end")
	if _, err := fmt.Sscan(got, &files, &scans); err != nil {
		t.Fatalf("the gateway wrote %q, want two numbers: %v; stderr: %s", got, err, strings.Join(p.StderrTail(), "\n"))
	}
	return files, scans
}

func TestShared_manyAskWhileOneLooks_shareTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, release := 0, make(chan struct{})
		get := childproc.NewShared(func() int {
			looks++
			<-release
			return looks
		})
		seen := make(chan int, 101)
		go func() { seen <- get() }()
		synctest.Wait() // The first one looks.
		for range 100 {
			go func() { seen <- get() }()
		}
		synctest.Wait()
		release <- struct{}{}
		if got := <-seen; got != 1 {
			t.Errorf("the first one was shown look %d, want 1", got)
		}
		release <- struct{}{}
		for range 100 {
			if got := <-seen; got != 2 {
				t.Errorf("one who asked during look 1 was shown look %d, want 2", got)
			}
		}
		if looks != 2 {
			t.Errorf("there were %d looks, want 2", looks)
		}
	})
}

func TestStart_manyChildren_doNotTakeAThreadEach(t *testing.T) {
	const n = 60
	before := threads()
	for range n {
		readLine(t, start(t, childproc.Command{Name: "/bin/sh", Args: []string{"-c", "echo ready; exec cat"}, Env: []string{"PATH=" + os.Getenv("PATH")}}))
	}
	if got := threads() - before; got >= n {
		t.Errorf("%d children took %d threads, want fewer than one each", n, got)
	}
}

func threads() int {
	entries, _ := os.ReadDir("/proc/self/task")
	return len(entries)
}
