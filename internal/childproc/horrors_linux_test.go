package childproc_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/childproc"
	"gatehouse/testkit"
)

func init() {
	roles["keeps"] = keeps
	roles["crashes in cycles"] = cycles
	roles["ends in a moment"] = func() { os.Exit(7) }
}

// Shell commands of servers that misbehave. Each writes the pids of what it
// leaves to stdout, one a line, then "ready", and what it leaves ignores what
// the name says.
const (
	sleeper    = `exec sleep 4242 </dev/null >/dev/null 2>&1`
	stubborn   = `trap "" TERM HUP; exec sleep 4242 </dev/null >/dev/null 2>&1`
	say        = `echo $$; `
	doubleFork = `sh -c '(setsid sh -c "echo \$\$; ` + sleeper + `" &)'; `
	session    = `setsid sh -c 'echo $$; ` + sleeper + `' & `
	scrubbed   = `setsid env -i PATH="$PATH" sh -c 'echo $$; ` + sleeper + `' & `
	deaf       = `setsid sh -c 'echo $$; ` + `trap "" TERM HUP; exec sleep 4242 </dev/null >/dev/null 2>&1` + `' & `
	inGroup    = `sh -c 'echo $$; ` + stubborn + `' & `
	waits      = `sleep 4242; exit`
)

// shell is a server that runs a script. The first n lines of its stdout are
// the pids of what it leaves.
func shell(t testing.TB, script string) childproc.Command {
	t.Helper()
	for _, tool := range []string{"setsid", "sleep", "env", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s here", tool)
		}
	}
	return childproc.Command{Name: "sh", Args: []string{"-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")}, Mark: newID() + "/s@1#1"}
}

func newID() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func readPIDs(t *testing.T, p *childproc.Process, n int) []int {
	t.Helper()
	var pids []int
	for range n {
		pids = append(pids, atoi(t, readLine(t, p)))
	}
	for _, pid := range pids {
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	}
	return pids
}

func TestHorrors_whateverAServerLeaves_isGoneWhenItIsDone(t *testing.T) {
	cases := map[string]struct {
		script string
		leaves int
	}{
		"a child in a session of its own":            {session, 1},
		"a daemon by double fork":                    {doubleFork, 1},
		"a daemon that ignores TERM":                 {deaf, 1},
		"a child in the group that ignores TERM":     {inGroup, 1},
		"a shell around a shell around the work":     {`sh -c "sh -c 'echo \$\$; ` + sleeper + `'" & `, 1},
		"a chain of wrappers that runs a daemon":     {`sh -c "sh -c '` + strings.ReplaceAll(`setsid sh -c "echo \$\$; `+sleeper+`" &`, `"`, `\"`) + ` wait'" & `, 1},
		"one of each":                                {session + doubleFork + deaf + inGroup, 4},
		"a wrapper that dies before its own child":   {`sh -c "(sh -c 'echo \$\$; ` + stubborn + `') & exit 1"; `, 1},
		"twenty daemons":                             {strings.Repeat(doubleFork, 20), 20},
		"a daemon that starts daemons as it is told": {`setsid sh -c 'echo $$; trap "setsid sleep 4242 & exit" TERM; while :; do sleep 0.05; done' </dev/null 2>/dev/null & `, 1},
	}
	ends := map[string]func(p *childproc.Process){
		"stop":  func(p *childproc.Process) { p.Stop(400 * time.Millisecond) },
		"kill":  func(p *childproc.Process) { p.Kill() },
		"crash": func(p *childproc.Process) { _ = syscall.Kill(p.PID(), syscall.SIGKILL) },
	}
	for name, tc := range cases {
		for how, end := range ends {
			t.Run(name+", then "+how, func(t *testing.T) {
				t.Parallel()
				c := shell(t, tc.script+waits)
				p := start(t, c)
				pids := readPIDs(t, p, tc.leaves)
				end(p)
				readAll(p)(t)
				await(t, p.Done(), "Done")
				for _, pid := range pids {
					if alive(pid) {
						t.Errorf("process %d is there after Done, want it gone", pid)
					}
				}
				if left := marked("GATEHOUSE_RUN=" + c.Mark); len(left) > 0 {
					t.Errorf("%d marked processes are there after Done, want none", len(left))
				}
				reaped(t, p)
			})
		}
	}
}

func TestHorrors_scrubbedChildInAnotherSession_endsWithAStop(t *testing.T) {
	t.Parallel()
	p := start(t, shell(t, scrubbed+waits))
	pids := readPIDs(t, p, 1)
	p.Stop(400 * time.Millisecond)
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if alive(pids[0]) {
		t.Errorf("process %d is there after Done, want it gone", pids[0])
	}
}

func TestHorrors_oneServerEnds_othersKeepTheirDaemons(t *testing.T) {
	t.Parallel()
	one, two := shell(t, session+waits), shell(t, session+waits)
	two.Mark = one.Mark // as two runs of one server would have, were it not for the number
	p, q := start(t, one), start(t, two)
	gone, kept := readPIDs(t, p, 1)[0], readPIDs(t, q, 1)[0]
	p.Kill()
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if alive(gone) || !alive(kept) || !alive(q.PID()) {
		t.Errorf("of the ended server a process is there: %v; of the other they are: %v, %v, want false; true, true", alive(gone), alive(kept), alive(q.PID()))
	}
}

// It writes meanwhile, as daemons do: somebody reads to its end, or SIGPIPE would be it.
func TestHorrors_daemonObeysTERM_hasTheRestOfTheGrace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "goodbye")
	p := start(t, shell(t, `setsid sh -c 'trap "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.05; echo ending; echo ending >&2; done; echo bye > `+file+`; exit" TERM; echo $$; while :; do sleep 0.02; done' & read line; exit`))
	pid := readPIDs(t, p, 1)[0]
	p.Stop(deadline)
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if got, _ := os.ReadFile(file); string(got) != "bye\n" || alive(pid) {
		t.Errorf("the daemon said %q, and is there: %v, want bye, and false", got, alive(pid))
	}
}

// marked finds the processes whose environment has an entry that begins so.
func marked(entry string) []int {
	var pids []int
	dir, _ := os.ReadDir("/proc")
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !alive(pid) {
			continue
		}
		env, _ := os.ReadFile("/proc/" + e.Name() + "/environ")
		for kv := range bytes.SplitSeq(env, []byte{0}) {
			if strings.HasPrefix(string(kv), entry) {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

// childrenOf lists the children of a process, zombies included.
func childrenOf(parent int) (all, zombies []int) {
	dir, _ := os.ReadDir("/proc")
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if len(f) < 2 || f[1] != strconv.Itoa(parent) {
			continue
		}
		all = append(all, pid)
		if f[0] == "Z" {
			zombies = append(zombies, pid)
		}
	}
	return all, zombies
}

// settings of the role "keeps" and of "crashes in cycles".
const (
	keepInstance = "CHILDPROC_TEST_INSTANCE"
	keepDir      = "CHILDPROC_TEST_DIR"
	keepScript   = "CHILDPROC_TEST_SCRIPT"
	keepCycles   = "CHILDPROC_TEST_CYCLES"
)

func newReaper() *childproc.Reaper {
	return childproc.StartReaper(childproc.ReaperOptions{
		Instance: os.Getenv(keepInstance), Dir: os.Getenv(keepDir), Guard: true,
		Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
}

func serverOfReaper(script string) childproc.Command {
	id := os.Getenv(keepInstance)
	return childproc.Command{
		Name: "sh", Args: []string{"-c", script}, Mark: id + "/s@1#1",
		Env: []string{"PATH=" + os.Getenv("PATH"), childproc.InstanceVariable + "=" + id},
	}
}

// keeps is a gateway with one server. It passes on what the server says; at
// the end of its stdin it leaves the server to the Reaper and ends.
func keeps() {
	k := newReaper()
	if script := os.Getenv(keepScript); script != "" {
		p, err := childproc.Start(serverOfReaper(script))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() { _, _ = io.Copy(os.Stdout, p.Stdout()) }()
	} else {
		fmt.Println("ready")
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	k.Close()
	all, _ := childrenOf(os.Getpid())
	fmt.Println("children", len(all))
}

// gatewayOf starts a gateway with the role "keeps".
func gatewayOf(t *testing.T, dir, script string, more ...string) (p *childproc.Process, instance string) {
	t.Helper()
	shell(t, "") // for its skips
	instance = newID()
	c := command(t, "keeps")
	c.Env = append(c.Env, "PATH="+os.Getenv("PATH"), keepInstance+"="+instance, keepDir+"="+dir, keepScript+"="+script)
	c.Env = append(c.Env, more...)
	t.Cleanup(func() {
		for _, pid := range marked(childproc.InstanceVariable + "=" + instance) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return start(t, c), instance
}

// guardOf waits for the guard of a gateway: one that is being executed shows no environment.
func guardOf(t *testing.T, instance string) (pid int) {
	t.Helper()
	eventually(t, "the gateway has one guard", func() bool {
		pids := marked("GATEHOUSE_GUARD=" + instance)
		if len(pids) == 1 {
			pid = pids[0]
		}
		return len(pids) == 1
	})
	return pid
}

// eventually waits for a fact of which no event tells.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); !ask(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func hasRecord(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	return len(files) > 0
}

func TestReaper_gatewayIsKilled_nothingOfItIsLeft(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "instances")
	g, id := gatewayOf(t, dir, session+doubleFork+deaf+inGroup+waits)
	pids := append(readPIDs(t, g, 4), guardOf(t, id))
	if !hasRecord(dir) {
		t.Error("a living gateway has no record")
	}
	if err := syscall.Kill(g.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, pid := range pids {
		gone(t, pid)
	}
	t.Logf("all gone after %s", time.Since(began))
	if left := marked(childproc.InstanceVariable + "=" + id); len(left) > 0 {
		t.Errorf("marked processes are left: %v, want none", left)
	}
	eventually(t, "the guard has removed the record", func() bool { return !hasRecord(dir) })
}

func TestReaper_scrubbedChildInTheGroup_goesWithAKilledGateway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "instances")
	g, _ := gatewayOf(t, dir, `env -i PATH="$PATH" sh -c 'echo $$; `+stubborn+`' & `+waits)
	pid := readPIDs(t, g, 1)[0]
	eventually(t, "the record names the server", func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
		data, _ := os.ReadFile(files[0])
		return strings.Contains(string(data), `"start"`) && !strings.Contains(string(data), `"processes":[]`)
	})
	_ = syscall.Kill(g.PID(), syscall.SIGKILL)
	gone(t, pid)
}

func TestReaper_close_endsOrphansAndReapsThem(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "instances")
	// Scrubbed and of a dead parent: only those who adopt can find it.
	script := `sh -c 'setsid env -i PATH="$PATH" sh -c "echo \$\$; ` + sleeper + `" &'; ` + deaf + waits
	g, id := gatewayOf(t, dir, script)
	pids := append(readPIDs(t, g, 2), guardOf(t, id))
	eventually(t, "the gateway has adopted the orphan", func() bool {
		all, _ := childrenOf(g.PID()) // Who spoke first is not known.
		return slices.Contains(all, pids[0]) || slices.Contains(all, pids[1])
	})
	_ = g.Stdin().Close()
	if got := readLine(t, g); got != "children 0" {
		t.Errorf("after Close the gateway has %s, want %q", got, "children 0")
	}
	await(t, g.Done(), "the gateway's end")
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d has survived a clean stop, want it gone", pid)
		}
	}
	if hasRecord(dir) {
		t.Error("a clean stop has left the record")
	}
}

func TestReaper_guardDies_anotherOneDoesItsWork(t *testing.T) {
	t.Parallel()
	g, id := gatewayOf(t, t.TempDir(), deaf+waits)
	pid := readPIDs(t, g, 1)[0]
	for range 2 {
		old := guardOf(t, id)
		_ = syscall.Kill(old, syscall.SIGKILL)
		eventually(t, "there is another guard", func() bool {
			now := marked("GATEHOUSE_GUARD=" + id)
			return len(now) == 1 && now[0] != old
		})
	}
	if _, zombies := childrenOf(g.PID()); len(zombies) > 1 {
		t.Errorf("zombies: %v, want one at most", zombies)
	}
	_ = syscall.Kill(g.PID(), syscall.SIGKILL)
	gone(t, pid)
}

func TestReaper_politeSignals_doNotEndTheGuard(t *testing.T) {
	t.Parallel()
	g, id := gatewayOf(t, t.TempDir(), deaf+waits)
	pid := readPIDs(t, g, 1)[0]
	guard := guardOf(t, id)
	eventually(t, "the guard is at work", func() bool {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", guard))
		return string(name) == "gatehouse-guard\n"
	})
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		_ = syscall.Kill(-g.PID(), sig) // the gateway's whole group
		_ = syscall.Kill(guard, sig)
	}
	gone(t, g.PID())
	gone(t, pid)
	gone(t, guard)
}

func TestReaper_guardHasNothingOfTheGateways(t *testing.T) {
	t.Parallel()
	g, id := gatewayOf(t, t.TempDir(), "echo ready; "+waits)
	readLine(t, g)
	guard := guardOf(t, id)
	for fd, want := range map[string]string{"0": "pipe:", "1": "/dev/null", "2": "/dev/null"} {
		got, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", guard, fd))
		if err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("descriptor %s of the guard is %q, %v; want %s", fd, got, err, want)
		}
	}
	for _, pid := range []int{g.PID(), os.Getpid()} {
		for _, link := range pipesOf(pid) {
			if slices.Contains(pipesOf(guard)[1:], link) {
				t.Errorf("the guard must not share %s with %d", link, pid)
			}
		}
	}
	g.Stop(deadline)
	readAll(g)(t)
	await(t, g.Done(), "Done")
	gone(t, guard)
}

// pipesOf lists what pipes and sockets the descriptors of a process are, the
// first one first.
func pipesOf(pid int) []string {
	var links []string
	for fd := range 64 {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		if err == nil && (strings.HasPrefix(link, "pipe:") || strings.HasPrefix(link, "socket:")) {
			links = append(links, link)
		}
	}
	return links
}

func TestReaper_oneOfTwoGatewaysIsKilled_theOtherKeepsItsServers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_ = os.Chmod(dir, 0o700)
	g, id := gatewayOf(t, dir, session+inGroup+waits)
	other, otherID := gatewayOf(t, dir, session+inGroup+waits)
	lost := append(readPIDs(t, g, 2), guardOf(t, id))
	kept := append(readPIDs(t, other, 2), guardOf(t, otherID))
	_ = syscall.Kill(g.PID(), syscall.SIGKILL)
	for _, pid := range lost {
		gone(t, pid)
	}
	third, _ := gatewayOf(t, dir, "")
	if got := readLine(t, third); got != "ready" {
		t.Fatal(got)
	}
	for _, pid := range append(kept, other.PID()) {
		if !alive(pid) {
			t.Errorf("process %d of the other gateway is gone, want it alive", pid)
		}
	}
}

// orphan kills a gateway and its guard and gives what survived both.
func orphan(t *testing.T, dir, script string, n int) (pids []int) {
	t.Helper()
	g, id := gatewayOf(t, dir, script)
	pids = readPIDs(t, g, n)
	guard := guardOf(t, id)
	_ = syscall.Kill(g.PID(), syscall.SIGSTOP) // so that it starts no other one
	_ = syscall.Kill(guard, syscall.SIGKILL)
	_ = syscall.Kill(g.PID(), syscall.SIGKILL)
	gone(t, guard)
	await(t, g.Done(), "the gateway's end")
	for _, pid := range pids {
		if !alive(pid) {
			t.Fatalf("process %d is gone, so this test shows nothing", pid)
		}
	}
	return pids
}

func TestReaper_gatewayAndGuardWereKilled_nextStartSweeps(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "instances")
	pids := orphan(t, dir, session+deaf+doubleFork+waits, 3)
	next, _ := gatewayOf(t, dir, "")
	readLine(t, next)
	for _, pid := range pids {
		gone(t, pid)
	}
	eventually(t, "only the record of the living is left", func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		return len(files) == 1 && strings.HasPrefix(filepath.Base(files[0]), strconv.Itoa(next.PID())+"-")
	})
}

// tamper writes a record as a dead gateway would have left it.
func tamper(t *testing.T, dir string, change func(r map[string]any)) {
	t.Helper()
	g, id := gatewayOf(t, dir, "")
	readLine(t, g)
	files, _ := filepath.Glob(filepath.Join(dir, "*-"+id+".json"))
	if len(files) != 1 {
		t.Fatalf("records: %v, want one", files)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	_ = g.Stdin().Close()
	readAll(g)(t)
	await(t, g.Done(), "the gateway's end")
	var r map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}
	change(r)
	data, err = json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func startTime(t *testing.T, pid int) json.Number {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return json.Number(strings.Fields(rest)[19])
}

func TestSweep_onlyThatVeryProcess_isEnded(t *testing.T) {
	t.Parallel()
	innocent := start(t, command(t, "never ends"))
	readLine(t, innocent)
	reused := func(start json.Number) func(map[string]any) {
		return func(r map[string]any) {
			r["processes"] = []any{map[string]any{"pid": innocent.PID(), "start": start}}
		}
	}
	exact := startTime(t, innocent.PID())
	cases := []struct {
		name   string
		change func(r map[string]any)
		dies   bool
	}{
		{"a pid that was given to another process", reused("1"), false},
		{"another start of the system", func(r map[string]any) { reused(exact)(r); r["boot_id"] = "other" }, false},
		{"another namespace of pids", func(r map[string]any) { reused(exact)(r); r["pid_namespace"] = "pid:[1]" }, false},
		{"a gateway that lives", func(r map[string]any) {
			reused(exact)(r)
			r["pid"], r["start"] = os.Getpid(), startTime(t, os.Getpid())
		}, false},
		{"an instance that could be anybody's", func(r map[string]any) { reused(exact)(r); r["instance"] = "" }, false},
		{"the very process of a dead gateway", reused(exact), true},
	}
	for _, tc := range cases {
		dir := filepath.Join(t.TempDir(), "instances")
		tamper(t, dir, tc.change)
		if tc.name == "a gateway that lives" {
			rename(t, dir)
		}
		next, _ := gatewayOf(t, dir, "")
		readLine(t, next)
		if tc.dies {
			gone(t, innocent.PID())
		} else if !alive(innocent.PID()) {
			t.Fatalf("%s: an innocent process was killed, want it alive", tc.name)
		}
	}
}

// rename renames the only record to what its content asks for.
func rename(t *testing.T, dir string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	_, rest, _ := strings.Cut(filepath.Base(files[0]), "-")
	if err := os.Rename(files[0], filepath.Join(dir, strconv.Itoa(os.Getpid())+"-"+rest)); err != nil {
		t.Fatal(err)
	}
}

func TestSweep_folderOrRecordThatOthersCanWrite_isNotTrusted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "instances")
	victim := orphan(t, dir, session+waits, 1)[0]
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if err := os.Chmod(files[0], 0o666); err != nil {
		t.Fatal(err)
	}
	next, _ := gatewayOf(t, dir, "")
	readLine(t, next)
	if err := os.Chmod(files[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	next, _ = gatewayOf(t, dir, "")
	readLine(t, next)
	if !alive(victim) {
		t.Error("a record was believed that others could have written")
	}
	testkit.Eventually(t, `"only its owner" on stderr`, func() bool { return strings.Contains(strings.Join(next.StderrTail(), "\n"), "only its owner") })
}

// cycles is a gateway whose server crashes again and again and leaves daemons
// each time. It tells what there is more of afterwards.
func cycles() {
	k := newReaper()
	n, _ := strconv.Atoi(os.Getenv(keepCycles))
	script := session + inGroup + `(setsid sleep 4242 >/dev/null 2>&1 &) ; kill -9 $$`
	cycle := func() {
		p, err := childproc.Start(serverOfReaper(script))
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, p.Stdout())
		<-p.Done()
		if got := p.Exit(); got != "signal: killed" {
			fmt.Println("error: the exit status is", got)
			os.Exit(1)
		}
	}
	for range 5 {
		cycle() // Warm-up.
	}
	fds, goroutines := descriptors(), runtime.NumGoroutine()
	for range n {
		cycle()
	}
	k.Close()
	all, zombies := childrenOf(os.Getpid())
	// The Reaper had a pipe to the guard and a goroutine or four of its own.
	fmt.Printf("children %d zombies %d descriptors %v goroutines %v\n", len(all), len(zombies), descriptors() <= fds, runtime.NumGoroutine() <= goroutines)
}

func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

func TestReaper_aThousandCrashes_leaveNothing(t *testing.T) {
	n := "100"
	if s := os.Getenv("GATEHOUSE_CRASH_CYCLES"); s != "" {
		n = s
	} else if testing.Short() {
		n = "10"
	}
	shell(t, "")
	id := newID()
	c := command(t, "crashes in cycles")
	c.Env = append(c.Env, "PATH="+os.Getenv("PATH"), keepInstance+"="+id, keepDir+"="+filepath.Join(t.TempDir(), "instances"), keepCycles+"="+n)
	p := start(t, c)
	out := bufio.NewReader(p.Stdout())
	got, _ := out.ReadString('\n')
	if want := "children 0 zombies 0 descriptors true goroutines true\n"; got != want {
		t.Errorf("after %s crashes: got %q, want %q; stderr: %q", n, got, want, p.StderrTail())
	}
	_, _ = io.Copy(io.Discard, out)
	await(t, p.Done(), "the gateway's end")
	for _, entry := range []string{childproc.InstanceVariable, "GATEHOUSE_GUARD"} {
		if left := marked(entry + "=" + id); len(left) > 0 {
			t.Errorf("%s is carried by %v, want none", entry, left)
		}
	}
}
