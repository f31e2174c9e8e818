package testkit

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mainVariable tells a re-executed test binary to be the gateway.
const mainVariable = "GATEHOUSE_TEST_MAIN"

// binaryVariable tells a re-executed test binary where the gateway is.
const binaryVariable = "GATEHOUSE_TEST_BINARY"

// RunMain is the body of a TestMain whose test binary can also be the gateway:
// re-executed by StartGateway it runs gateway and exits with its code;
// otherwise it runs the tests and then removes what was built for them.
func RunMain(m *testing.M, gateway func() int) int {
	if os.Getenv(mainVariable) == "1" {
		// What the gateway starts must not take itself for the gateway.
		_ = os.Unsetenv(mainVariable)
		return gateway()
	}
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "testkit: started with a command, but not as the gateway: a child must never run the tests again")
		return 2
	}
	defer CleanUp()
	overlap()
	return m.Run()
}

// Program returns the path of the gateway as most tests start it: the one that
// "make test" has built, without the race detector, or else this test binary
// again (see RunMain). Its environment needs AsGateway.
func Program(t testing.TB) string {
	t.Helper()
	if startsReady() {
		return assembled.built(t)
	}
	self, err := os.Executable()
	check(t, err)
	return self
}

// startsReady reports whether Program is one that was built before the tests.
func startsReady() bool {
	return os.Getenv(programsVariable) != "" && os.Getenv(raceVariable) == ""
}

// AsGateway is what the environment of Program must have so that it is the
// gateway, and that of a gateway which starts itself again.
func AsGateway() []string {
	var env []string
	if !startsReady() {
		env = append(env, mainVariable+"=1")
	}
	for _, key := range []string{"GORACE", "GOGC", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}

// overlap sets what lets tests of processes take less time, unless the caller
// has set it: they wait for those more than they compute, so more than one for
// each processor runs at a time; and a process of the race detector need not
// sleep for a second when it ends.
func overlap() {
	// Flags are parsed by m.Run, so -parallel of the command line wins.
	_ = flag.Set("test.parallel", strconv.Itoa(parallelPerProcessor*runtime.GOMAXPROCS(0)))
	if _, set := os.LookupEnv("GORACE"); !set {
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
}

// parallelPerProcessor is how many parallel tests run for each processor.
const parallelPerProcessor = 4

// programsVariable names a folder in which "make test" has built the programs
// for all test processes. Without it each builds its own.
const programsVariable = "GATEHOUSE_TEST_PROGRAMS"

// raceVariable makes Program this test binary in any case, which may have the
// race detector: "make race" sets it.
const raceVariable = "GATEHOUSE_TEST_RACE"

// program is one executable, built once in this process.
type program struct {
	pkg  string
	name string
	race bool // with the race detector
	// release is the version that it says it is of; the build's own if empty.
	release string

	once sync.Once
	dir  string
	path string
	err  error
}

var (
	fakeServer = program{pkg: "gatehouse/testkit/fakeserver", name: "fakeserver"}
	assembled  = program{pkg: "gatehouse/cmd/gatehouse", name: "gatehouse"}
	raced      = program{pkg: "gatehouse/cmd/gatehouse", name: "gatehouse-race", race: true}
)

// FakeServer returns the path of the fake server's executable. The first call
// builds it; CleanUp (or RunMain) removes it.
func FakeServer(t testing.TB) string {
	t.Helper()
	return fakeServer.built(t)
}

// Binary returns the path of a gateway for those who start it themselves. The
// first call builds it; CleanUp removes it.
func Binary(t testing.TB) string {
	t.Helper()
	return assembled.built(t)
}

// releases are the programs of Release, by version.
var (
	releasesMutex sync.Mutex
	releases      = map[string]*program{}
)

// Release returns the path of a gateway that says it is of a version. The first call
// for a version builds it; CleanUp removes it.
func Release(t testing.TB, version string) string {
	t.Helper()
	releasesMutex.Lock()
	defer releasesMutex.Unlock()
	p := releases[version]
	if p == nil {
		p = &program{pkg: assembled.pkg, name: assembled.name, release: version}
		releases[version] = p
	}
	return p.built(t)
}

// built returns the program's path; the first call builds it.
func (p *program) built(t testing.TB) string {
	t.Helper()
	p.once.Do(func() { p.err = p.build() })
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.path
}

func (p *program) build() error {
	name := p.name
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if dir := os.Getenv(programsVariable); dir != "" && !p.race && p.release == "" { // One package alone wants those.
		p.path = filepath.Join(dir, name)
		return nil
	}
	var err error
	if p.dir, err = os.MkdirTemp("", "gatehouse-testkit-"); err != nil {
		return err
	}
	p.path = filepath.Join(p.dir, name)
	flags := "-ldflags=-s -w"
	if p.release != "" {
		flags += " -X main.release=" + p.release
	}
	args := []string{"build", flags, "-race=" + strconv.FormatBool(p.race), "-o", p.path}
	if os.Getenv(programsVariable) != "" { // Else what "make test" compiles would be compiled once more.
		args = append(args, "-trimpath")
	}
	args = append(args, p.pkg)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", p.name, err, out)
	}
	return nil
}

// CleanUp removes what was built. Call it at the end of a TestMain that does
// not use RunMain.
func CleanUp() {
	releasesMutex.Lock()
	defer releasesMutex.Unlock()
	for _, p := range slices.AppendSeq([]*program{&fakeServer, &assembled, &raced}, maps.Values(releases)) {
		if p.dir != "" {
			_ = os.RemoveAll(p.dir)
		}
	}
}
