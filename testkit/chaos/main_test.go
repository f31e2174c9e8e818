//go:build linux

package chaos_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"gatehouse/testkit"
)

// binaryVariable tells the re-executed test binary where the gateway is.
const binaryVariable = "GATEHOUSE_CHAOS_BINARY"

// built is the gateway that the tests run, once one of them needs it.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := testkit.RunMain(m, becomeGateway)
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// becomeGateway replaces this process, a copy of the test binary, by the
// gateway: same process id, same pipes.
func becomeGateway() int {
	path := os.Getenv(binaryVariable)
	err := syscall.Exec(path, slices.Concat([]string{path}, os.Args[1:]), os.Environ())
	fmt.Fprintf(os.Stderr, "cannot run %s: %v\n", path, err)
	return 1
}

// gateway gives the path of the gateway, which the first call builds, with the
// race detector if the tests have it.
func gateway(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "gatehouse-chaos-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "gatehouse")
		args := []string{"build", "-o", built.path}
		if raceDetector {
			args = append(args, "-race")
		}
		out, err := exec.Command("go", append(args, "gatehouse/cmd/gatehouse")...).CombinedOutput()
		if err != nil {
			built.err = errors.New("cannot build the gateway: " + err.Error() + "\n" + string(out))
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}
