package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	return m.Run()
}

// build is the one build of the fake server in this process.
var build struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// FakeServer gives the path of the fake server's executable. The first call
// builds it; CleanUp (or RunMain) removes it.
func FakeServer(t testing.TB) string {
	t.Helper()
	build.once.Do(buildFakeServer)
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

func buildFakeServer() {
	build.dir, build.err = os.MkdirTemp("", "gatehouse-testkit-")
	if build.err != nil {
		return
	}
	build.path = filepath.Join(build.dir, "fakeserver")
	if runtime.GOOS == "windows" {
		build.path += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", build.path, "gatehouse/testkit/fakeserver").CombinedOutput()
	if err != nil {
		build.err = fmt.Errorf("cannot build the fake server: %w\n%s", err, out)
	}
}

// CleanUp removes the built fake server. Call it at the end of a TestMain
// that does not use RunMain.
func CleanUp() {
	if build.dir != "" {
		_ = os.RemoveAll(build.dir)
	}
}
