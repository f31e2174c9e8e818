//go:build unix

package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// npmFile returns the absolute path of a file of an installed package, or skips
// the test.
func npmFile(t *testing.T, path ...string) string {
	t.Helper()
	file := testdata(t, append([]string{"node_modules"}, path...)...)
	if _, err := os.Stat(file); err != nil {
		skip(t, "what comes from npm is not installed: run make e2e")
	}
	return file
}

// npmServer returns the path of an installed server's command, or skips the test.
func npmServer(t *testing.T, name string) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		skip(t, "node is not here")
	}
	return npmFile(t, ".bin", "mcp-server-"+name)
}

// node returns the pinned Node.js from npm: the conformance suite and the
// inspector need a newer one than many systems have. The package is another
// one for each system, and only the fitting one is installed.
func node(t *testing.T) string {
	t.Helper()
	npmFile(t, ".package-lock.json")
	found, err := filepath.Glob(testdata(t, "node_modules", "node-*", "bin", "node"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		skip(t, "package.json names no Node.js for this system")
	}
	return found[0]
}

func testdata(t *testing.T, path ...string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(append([]string{"testdata"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("GATEHOUSE_E2E") == "must" {
		t.Fatalf("cannot run the end-to-end tests: %s", why)
	}
	t.Skip("skipped: " + why)
}

// output runs a program in a home of its own and gives its standard output; it
// must succeed within testkit.Patience.
func output(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	stdout, stderr, err := run(t, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v, want exit status 0\n%s%s", program, strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

func run(t *testing.T, program string, args ...string) (stdout, stderr []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd, errs := command(ctx, t, program, args...)
	stdout, err = cmd.Output()
	return stdout, errs.Bytes(), err
}

// command prepares a program with a home of its own, which ends with ctx, and
// gives where its standard error goes.
func command(ctx context.Context, t *testing.T, program string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = testkit.Patience / 18
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + cmd.Dir}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	return cmd, stderr
}
