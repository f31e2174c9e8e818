//go:build unix

package childproc_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/childproc"
)

func init() {
	roles["exits 7 on TERM only"] = func() {
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, syscall.SIGTERM)
		fmt.Println("ready")
		<-ch
		os.Exit(7)
	}
	roles["ignores TERM"] = func() {
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		forever()
	}
	roles["dies of a signal"] = func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		forever()
	}
	roles["leaves a helper in its group"] = func() { fmt.Println(helper(false)) }
	roles["leaves a helper outside its group"] = func() { fmt.Println(helper(true)) }
	roles["runs a helper and waits"] = func() {
		fmt.Println(helper(false))
		forever()
	}
	roles["tells its file modes"] = func() {
		for fd := range uintptr(3) {
			flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
			fmt.Printf("nonblocking %v %v, ", flags&unix.O_NONBLOCK != 0, err)
		}
		fmt.Printf("leads its group %v\n", unix.Getpgrp() == os.Getpid())
	}
	roles["is a gateway"] = func() {
		self, _ := os.Executable()
		p, err := childproc.Start(childproc.Command{Name: self, Env: []string{role + "=never ends"}})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		runtime.GC() // and whatever else may end threads
		fmt.Println(p.PID())
		forever()
	}
}

// helper starts a process that ignores TERM, holds stdout open and never
// ends, and gives its pid.
func helper(outside bool) int {
	self, _ := os.Executable()
	cmd := exec.Command(self)
	cmd.Env = []string{role + "=ignores TERM"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: outside}
	ready, err := os.CreateTemp("", "") // its "ready" must not mix with ours
	if err == nil {
		_ = os.Remove(ready.Name())
		cmd.Stdout = ready
		cmd.ExtraFiles = []*os.File{os.Stdout}
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return cmd.Process.Pid
}

// alive reports whether pid runs; a zombie does not.
func alive(pid int) bool {
	if runtime.GOOS == "linux" {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
	}
	return syscall.Kill(pid, 0) == nil
}

// gone waits for the end of a process that is nobody's child here, of which
// no event tells.
func gone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); alive(pid); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// reaped fails the test if our child is still there, even as a zombie.
func reaped(t *testing.T, p *childproc.Process) {
	t.Helper()
	if _, err := syscall.Wait4(p.PID(), nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("child %d was not reaped: %v", p.PID(), err)
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStop_stagesOneAfterTheOther_eachChildEndsByItsOwn(t *testing.T) {
	cases := map[string]struct {
		role, want string
	}{
		"a child that obeys TERM exits by itself":    {"exits 7 on TERM only", "exit status 7"},
		"a child that ignores TERM is killed":        {"ignores TERM", "signal: killed"},
		"a child without a handler dies of the TERM": {"never ends", "signal: terminated"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, command(t, tc.role))
			if got := readLine(t, p); got != "ready" {
				t.Fatalf("got %q, want %q", got, "ready")
			}
			grace := 200 * time.Millisecond
			if tc.want != "signal: killed" {
				grace = 10 * time.Second // the slowest machine may take half of it to obey
			}
			if testing.Short() && grace > time.Second {
				t.Skip("waits for 5 s")
			}
			p.Stop(grace)
			readAll(p)(t)
			await(t, p.Done(), "Done")
			if got := p.Exit(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			reaped(t, p)
		})
	}
}

func TestProcess_childDiesOfASignal_exitSaysWhich(t *testing.T) {
	p := start(t, command(t, "dies of a signal"))
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if got := p.Exit(); got != "signal: killed" {
		t.Errorf("got %q, want signal: killed", got)
	}
	reaped(t, p)
}

func TestProcess_helperInTheGroup_endsWithTheChild(t *testing.T) {
	p := start(t, command(t, "leaves a helper in its group"))
	out := readAll(p)(t) // ends although the helper held stdout
	await(t, p.Done(), "Done")
	gone(t, atoi(t, out))
	if p.Exit() != plainEnd {
		t.Errorf("got %s, want the child's own exit status", p.Exit())
	}
	reaped(t, p)
}

func TestKill_wholeGroup_isGone(t *testing.T) {
	p := start(t, command(t, "runs a helper and waits"))
	pid := atoi(t, readLine(t, p))
	p.Kill()
	readAll(p)(t)
	await(t, p.Done(), "Done")
	gone(t, pid)
	reaped(t, p)
}

func TestProcess_helperOutsideTheGroupHoldsStdout_outputIsCut(t *testing.T) {
	p := start(t, command(t, "leaves a helper outside its group"))
	out := readAll(p)(t) // what the child wrote comes, then a plain end
	pid := atoi(t, out)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	await(t, p.Done(), "Done")
	if !alive(pid) {
		t.Fatal("the helper is gone, so this test shows nothing")
	}
	reaped(t, p)
}

func TestProcess_childNeverReads_writeEndsWithItsDeadlineOrTheChild(t *testing.T) {
	p := start(t, command(t, "never ends"))
	if err := p.Stdin().SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 1<<20)
	if _, err := p.Stdin().Write(big); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want the deadline", err)
	}
	if err := p.Stdin().SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	stuck := make(chan error, 1)
	go func() {
		_, err := p.Stdin().Write(big)
		stuck <- err
	}()
	p.Kill()
	select {
	case err := <-stuck:
		if err == nil {
			t.Error("a write to a dead child went well")
		}
	case <-time.After(deadline):
		t.Fatal("the write is stuck")
	}
	readAll(p)(t)
	await(t, p.Done(), "Done")
}

func TestStart_pipesOfTheChild_blockAsProgramsExpect(t *testing.T) {
	p := start(t, command(t, "tells its file modes"))
	want := strings.Repeat("nonblocking false <nil>, ", 3) + "leads its group true\n"
	if got := readAll(p)(t); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStart_gatewayIsKilled_childDiesWithIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells children of their parent's death")
	}
	c := command(t, "is a gateway")
	gateway := start(t, c)
	pid := atoi(t, readLine(t, gateway))
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	if !alive(pid) {
		t.Fatal("the child died before its gateway")
	}
	if err := syscall.Kill(gateway.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

func TestStart_fileThatCannotRun_isCannotStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inPath := filepath.Join(dir, "bin", "tool")
	if err := os.Mkdir(filepath.Dir(inPath), 0o700); err != nil {
		t.Fatal(err)
	}
	write("bin/tool", "#!/bin/sh\n", 0o600)
	cases := map[string]struct {
		c    childproc.Command
		want []string
	}{
		"a script whose interpreter is missing": {
			childproc.Command{Name: write("bad.py", "#! /opt/no/python3 -u\n", 0o700)}, []string{"bad interpreter", `"/opt/no/python3"`},
		},
		"a text without a #! line": {
			childproc.Command{Name: write("text", "echo hello\n", 0o700)}, []string{"not executable", "#!"},
		},
		"a file without the mode bit": {
			childproc.Command{Name: write("mode", "#!/bin/sh\n", 0o600)}, []string{"is not executable"},
		},
		"a name in PATH without the mode bit": {
			childproc.Command{Name: "tool", Env: []string{"PATH=" + filepath.Dir(inPath)}}, []string{inPath, "is not executable"},
		},
		"a name in a relative folder of PATH": {
			childproc.Command{Name: "sh", Env: []string{"PATH=bin:."}, Dir: "/"}, []string{`executable "sh" not found in PATH`},
		},
		"a script whose interpreter may not be executed": {
			childproc.Command{Name: write("owner.sh", "#!"+write("interp", "", 0o600)+"\n", 0o700)}, []string{"interpreter", "interp", "is not executable"},
		},
		"a program for another machine": {
			childproc.Command{Name: write("elf", "\x7fELF\x02\x01\x01", 0o700)}, []string{"not executable", "program for this machine"},
		},
		"a path below a file": {
			childproc.Command{Name: filepath.Join(write("plain", "", 0o700), "x")}, []string{"cannot be used", "plain"},
		},
		"a working directory below a file": {
			childproc.Command{Name: "/bin/sh", Dir: filepath.Join(write("plain", "", 0o700), "x")}, []string{"working directory", "cannot be used"},
		},
		"arguments beyond what the system takes": {
			childproc.Command{Name: "/bin/sh", Args: []string{strings.Repeat("x", 64<<20)}}, []string{"too long"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := childproc.Start(tc.c)
			if p != nil {
				p.Kill()
			}
			if _, ok := errors.AsType[*childproc.CannotStart](err); !ok {
				t.Fatalf("got %v, want a *CannotStart", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to contain %q", err, want)
				}
			}
		})
	}
}

func TestLookPath_whereItLooks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/tool", "b/tool"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	cases := map[string]struct {
		name string
		env  []string
		base string
		want string
	}{
		"the first folder of PATH wins":      {"tool", []string{"PATH=" + a + ":" + b}, "", a + "/tool"},
		"the last PATH of env counts":        {"tool", []string{"PATH=" + a, "PATH=" + b}, "", b + "/tool"},
		"a relative path starts at base":     {"./tool", nil, b, b + "/tool"},
		"a path with a folder needs no dot":  {"b/tool", nil, dir, b + "/tool"},
		"a path upwards is followed":         {"../a/tool", nil, b, a + "/tool"},
		"an absolute path does not use base": {a + "/tool", nil, b, a + "/tool"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := childproc.LookPath(tc.name, tc.env, tc.base)
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}
