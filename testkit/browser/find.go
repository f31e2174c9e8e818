package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installed is what a browser is made of.
type installed struct {
	node     string
	modules  string // the folder node_modules
	driver   string
	chromium string
	env      []string // what Chromium needs of its environment
}

// find looks for all that a browser needs and skips the test where something
// is missing. Where GATEHOUSE_E2E says "must", only Chromium may be: not every
// system has one.
func find(t testing.TB) installed {
	t.Helper()
	root := moduleRoot(t)
	data := filepath.Join(root, "testkit", "e2e", "testdata")
	in := installed{
		modules: filepath.Join(data, "node_modules"),
		driver:  filepath.Join(root, "testkit", "browser", "driver.mjs"),
	}
	if !exists(filepath.Join(in.modules, "playwright-core", "package.json")) {
		missing(t, "what comes from npm is not installed: run make e2e")
	}
	in.node = findNode(t, in.modules)
	in.findChromium(filepath.Join(data, "chromium"))
	if in.chromium == "" {
		t.Skip("skipped: chromium is not here: install it, or name it by GATEHOUSE_TEST_CHROMIUM")
	}
	return in
}

// findChromium prefers the one that was asked for, then the pinned one, then
// the system's.
func (in *installed) findChromium(pinned string) {
	if in.chromium = os.Getenv("GATEHOUSE_TEST_CHROMIUM"); in.chromium != "" {
		return
	}
	if exists(filepath.Join(pinned, ".installed")) {
		in.chromium = filepath.Join(pinned, "chromium")
		in.env = []string{"LD_LIBRARY_PATH=" + filepath.Join(pinned, "lib")}
		if !exists("/etc/fonts/fonts.conf") {
			in.env = append(in.env, "FONTCONFIG_PATH="+pinned)
		}
		return
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			in.chromium = path
			return
		}
	}
}

// findNode prefers the pinned Node.js.
func findNode(t testing.TB, modules string) string {
	t.Helper()
	if found, err := filepath.Glob(filepath.Join(modules, "node-*", "bin", "node")); err == nil && len(found) > 0 {
		return found[0]
	}
	path, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node is not here")
	}
	return path
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("GATEHOUSE_E2E") == "must" {
		t.Fatalf("cannot start a browser: %s", what)
	}
	t.Skip("skipped: " + what)
}

// moduleRoot returns the folder of go.mod: a test runs in its package's.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && !exists(filepath.Join(dir, "go.mod")) {
		if dir == filepath.Dir(dir) {
			t.Fatal("no folder above the test's has a go.mod")
		}
		dir = filepath.Dir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Chromium returns where the Chromium is that tests use, and what it needs in its
// environment; it skips the test if there is none.
func Chromium(t testing.TB) (path string, env []string) {
	t.Helper()
	in := find(t)
	return in.chromium, in.env
}
