// Command wine runs tests of packages as Windows would, by wine, with a Windows of
// their own that is removed afterwards: "make wine". Where wine is not installed it
// says so and does nothing. Arguments are those of "go test"; "--" stands between those
// of one run and of the next.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	overlay, err := olderRemoval(dir)
	if err != nil {
		return err
	}
	env = append(env, "GATEHOUSE_TEST_PROGRAMS=Z:"+programs)
	var errs []error
	for _, one := range runs(args) {
		test := exec.Command("go", slices.Concat([]string{"test", "-exec", loader, "-overlay", overlay, "-vet=off", "-trimpath", "-count=1"}, one)...)
		test.Env, test.Stdout, test.Stderr = env, os.Stdout, os.Stderr
		errs = append(errs, test.Run())
	}
	return errors.Join(errs...)
}

// runs takes the arguments of several runs apart.
func runs(args []string) [][]string {
	all := [][]string{nil}
	for _, arg := range args {
		if arg == "--" {
			all = append(all, nil)
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], arg)
	}
	return all
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
	cmd := exec.Command(name, args...)
	cmd.Env = env
	return cmd.CombinedOutput()
}
