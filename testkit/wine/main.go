// Command wine runs tests of packages as Windows would, by wine, with a Windows of
// their own that is removed afterwards: "make wine". Where wine is not installed it
// says so and does nothing. Arguments are those of "go test".
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "make wine:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	loader := find("wine64", "/usr/lib/wine/wine64", "wine")
	if loader == "" {
		fmt.Println("make wine: skipped: wine is not here")
		return nil
	}
	dir, err := os.MkdirTemp("", "gatehouse-wine-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	env := append(os.Environ(), "WINEPREFIX="+filepath.Join(dir, "windows"), "WINEDEBUG=-all", "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	defer func() { _, _ = output(env, find("wineserver", "/usr/lib/wine/wineserver"), "-k") }() // It lives on for a while.
	if out, err := output(env, loader, "wineboot", "--init"); err != nil {
		return fmt.Errorf("cannot make a Windows: %w\n%s", err, out)
	}
	if err := addRandom(filepath.Join(dir, "windows", "drive_c", "windows", "system32")); err != nil {
		return err
	}
	programs := filepath.Join(dir, "programs")
	if out, err := output(env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", programs+"/", "./testkit/fakeserver", "./cmd/gatehouse"); err != nil {
		return fmt.Errorf("cannot build the programs: %w\n%s", err, out)
	}
	test := exec.Command("go", append([]string{"test", "-exec", loader, "-vet=off", "-trimpath"}, args...)...) //nolint:gosec // It is what this program is for.
	test.Env = append(env, "GATEHOUSE_TEST_PROGRAMS=Z:"+programs)
	test.Stdout, test.Stderr = os.Stdout, os.Stderr
	return test.Run()
}

// find returns the first of some programs that there is, empty if there is none.
func find(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func output(env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...) //nolint:gosec // Likewise.
	cmd.Env = env
	return cmd.CombinedOutput()
}
