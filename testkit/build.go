package testkit

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// mainVariable tells a re-executed test binary to be the gateway.
const mainVariable = "GATEHOUSE_TEST_MAIN"

// RunMain is the body of a TestMain whose test binary can also be the gateway:
// re-executed by StartGateway it runs gateway and exits with its code;
// otherwise it runs the tests and then removes what was built for them.
func RunMain(m *testing.M, gateway func() int) int {
	if os.Getenv(mainVariable) == "1" {
		// What the gateway starts must not take itself for the gateway.
		_ = os.Unsetenv(mainVariable)
		return gateway()
	}
	defer CleanUp()
	overlap()
	return m.Run()
}

// AsGateway is what the environment of a test binary must have so that it is the
// gateway: for one that the gateway itself starts.
func AsGateway() []string {
	env := []string{mainVariable + "=1"}
	for _, key := range []string{"GORACE", "GOCOVERDIR"} {
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

// program is one executable, built once in this process.
type program struct {
	pkg  string
	name string

	once sync.Once
	dir  string
	path string
	err  error
}

var (
	fakeServer = program{pkg: "gatehouse/testkit/fakeserver", name: "fakeserver"}
	assembled  = program{pkg: "gatehouse/cmd/gatehouse", name: "gatehouse"}
)

// FakeServer returns the path of the fake server's executable. The first call
// builds it; CleanUp (or RunMain) removes it.
func FakeServer(t testing.TB) string {
	t.Helper()
	return fakeServer.built(t)
}

// Binary returns the path of a gateway for those who start it themselves. The
// first call builds it, with these flags of "go build"; CleanUp removes it.
func Binary(t testing.TB, flags ...string) string {
	t.Helper()
	return assembled.built(t, flags...)
}

// built returns the program's path; the first call builds it with these flags.
func (p *program) built(t testing.TB, flags ...string) string {
	t.Helper()
	p.once.Do(func() { p.err = p.build(flags) })
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.path
}

func (p *program) build(flags []string) error {
	var err error
	if p.dir, err = os.MkdirTemp("", "gatehouse-testkit-"); err != nil {
		return err
	}
	p.path = filepath.Join(p.dir, p.name)
	if runtime.GOOS == "windows" {
		p.path += ".exe"
	}
	args := slices.Concat([]string{"build", "-o", p.path}, flags, []string{p.pkg})
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", p.name, err, out)
	}
	return nil
}

// CleanUp removes what was built. Call it at the end of a TestMain that does
// not use RunMain.
func CleanUp() {
	for _, p := range []*program{&fakeServer, &assembled} {
		if p.dir != "" {
			_ = os.RemoveAll(p.dir)
		}
	}
}
