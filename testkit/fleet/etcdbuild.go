package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// etcdProgram is the path of etcd, or why there is none.
var etcdProgram = sync.OnceValues(buildEtcd)

// EtcdProgram returns the path of etcd's program. It is built once on a machine, which takes
// a minute or two, and kept in Go's cache. Where that is not possible, as without a
// network, the test is skipped with the reason.
func EtcdProgram(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: etcd is not built for quick tests")
	}
	path, err := etcdProgram()
	if err != nil {
		t.Skipf("skipped: tests of fleets need etcd: %v", err)
	}
	return path
}

func buildEtcd() (string, error) {
	module, err := toolModule()
	if err != nil {
		return "", err
	}
	cache, err := goEnv("GOCACHE")
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(append(sums, runtime.Version()...))
	dir := filepath.Join(cache, "gatehouse-etcd-"+hex.EncodeToString(hash[:6]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFolder(dir) // Of several test processes one builds.
	if err != nil {
		return "", err
	}
	defer unlock()
	path := filepath.Join(dir, "etcd")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path+".new", ".")
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build it: %w\n%s", err, out)
	}
	return path, os.Rename(path+".new", path)
}

// toolModule returns the folder of the module that has etcd.
func toolModule() (string, error) {
	file, err := goEnv("GOMOD")
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(file), "internal", "tools", "etcd"), nil
}

func goEnv(name string) (string, error) {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask Go for %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
