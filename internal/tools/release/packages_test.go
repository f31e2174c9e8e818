package main

import (
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// made is a file that "make packages-test" has built for this machine. Without it
// the tests here have nothing to try.
func made(t *testing.T, pattern string) string {
	t.Helper()
	dir := os.Getenv("GATEHOUSE_DIST")
	if dir == "" {
		t.Skip("make packages-test builds what is tried here")
	}
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v, want one file %s", found, err, pattern)
	}
	return found[0]
}

// tool is a program of this machine; without it the test is skipped, with a word.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("not tried: %s is not here", name)
	}
	return path
}

// do runs a program to its end and returns what it wrote.
func do(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: got %v, want it to do:\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// wantVersion fails unless a program says which version it is.
func wantVersion(t *testing.T, out string) {
	t.Helper()
	if want := "gatehouse " + os.Getenv("GATEHOUSE_VERSION"); !strings.HasPrefix(out, want) {
		t.Errorf("got %q, want %q", out, want)
	}
}

func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("not tried: for Linux")
	}
}

func TestPackages_deb_isInstalledAndRemoved(t *testing.T) {
	onLinux(t)
	deb := made(t, "gatehouse-linux-*.deb")
	dpkg := tool(t, "dpkg")
	root := t.TempDir()
	for _, dir := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"var/lib/dpkg/status", "var/lib/dpkg/available"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	options := []string{"--root=" + root, "--force-script-chrootless", "--force-not-root", "--log=" + filepath.Join(root, "dpkg.log")}
	if os.Getuid() != 0 {
		do(t, root, "dpkg-deb", "-x", deb, root)
	} else {
		do(t, root, dpkg, append(options, "-i", deb)...)
	}
	wantVersion(t, do(t, root, filepath.Join(root, "usr/bin/gatehouse"), "version"))
	for _, path := range []string{
		"usr/share/man/man1/gatehouse.1.gz", "usr/share/bash-completion/completions/gatehouse", "usr/lib/systemd/system/gatehouse.service",
		"etc/gatehouse/rules.json", "usr/share/doc/gatehouse/LICENSE", "usr/share/doc/gatehouse/gatehouse.cdx.json",
	} {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Errorf("got %v, want the file", err)
		}
	}
	do(t, root, filepath.Join(root, "usr/bin/gatehouse"), "validate", "--mcp-config", filepath.Join(root, "etc/gatehouse/servers.json"), "--rules", filepath.Join(root, "etc/gatehouse/rules.json"))
	verifyUnits(t, root)
	if os.Getuid() != 0 {
		return
	}
	if _, err := exec.LookPath("systemd-sysusers"); err == nil {
		users, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
		if err != nil || !strings.Contains(string(users), "gatehouse:") {
			t.Errorf("got %q, %v, want the service's user", users, err)
		}
	}
	do(t, root, dpkg, append(options, "-r", "gatehouse")...)
	if _, err := os.Stat(filepath.Join(root, "usr/bin/gatehouse")); !os.IsNotExist(err) {
		t.Errorf("got %v, want the program removed", err)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/gatehouse/rules.json")); err != nil {
		t.Errorf("got %v, want the configuration to stay", err)
	}
}

// verifyUnits has systemd read the units, with the program where it was installed.
func verifyUnits(t *testing.T, root string) {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("units not tried: systemd-analyze is not here")
		return
	}
	dir := t.TempDir()
	var units []string
	for _, name := range []string{"gatehouse.service", "gatehouse.socket"} {
		text, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system", name))
		if err != nil {
			t.Fatal(err)
		}
		unit := strings.ReplaceAll(string(text), "/usr/bin/gatehouse", filepath.Join(root, "usr/bin/gatehouse"))
		units = append(units, filepath.Join(dir, name))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(unit, "\nMemoryDenyWriteExecute=") {
			t.Errorf("%s: got MemoryDenyWriteExecute, want it left out: it kills Node.js", name)
		}
	}
	if out := do(t, dir, analyze, append([]string{"verify", "--man=no"}, units...)...); strings.Contains(out, "gatehouse") {
		t.Errorf("got %s, want no complaint", out)
	}
}

func TestPackages_rpm_isInstalled(t *testing.T) {
	onLinux(t)
	package_ := made(t, "gatehouse-linux-*.rpm")
	rpm := tool(t, "rpm")
	if out := do(t, t.TempDir(), rpm, "-qpl", package_); !strings.Contains(out, "/usr/bin/gatehouse\n") {
		t.Errorf("got %s, want the program", out)
	}
}

func TestPackages_npm_isInstalledWithoutAScript_andRuns(t *testing.T) {
	root, program := made(t, "gatehouse-npm.tgz"), made(t, "gatehouse-npm-*-*.tgz")
	npm := tool(t, "npm")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private": true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	do(t, dir, npm, "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", filepath.Join(dir, "cache"), program, root)
	wantVersion(t, do(t, dir, "npx", "--no-install", "gatehouse", "version"))
	for _, name := range []string{"gatehouse", "@gatehouse/" + nodeNames[runtime.GOOS] + "-" + nodeNames[runtime.GOARCH]} {
		text, err := os.ReadFile(filepath.Join(dir, "node_modules", name, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"scripts"`) {
			t.Errorf("%s: got a script in %s, want none", name, text)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npx", "--no-install", "gatehouse", "validate", "--mcp-config", "nowhere", "--rules", "nowhere")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("got %v: %s, want the program's own exit code, 1", err, out)
	}
}

func TestPackages_wheel_isInstalledAndRuns(t *testing.T) {
	wheel := made(t, "gatehouse-*.whl")
	python := tool(t, "python3")
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), python, "-m", "venv", filepath.Join(dir, "venv")).CombinedOutput(); err != nil {
		t.Skipf("not tried: python3 makes no environment: %s", out)
	}
	do(t, dir, filepath.Join(dir, "venv/bin/pip"), "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", wheel)
	wantVersion(t, do(t, dir, filepath.Join(dir, "venv/bin/gatehouse"), "version"))
	if out := do(t, dir, filepath.Join(dir, "venv/bin/pip"), "check", "--disable-pip-version-check"); !strings.Contains(out, "No broken") {
		t.Errorf("got %s, want nothing broken", out)
	}
	if uvx, err := exec.LookPath("uvx"); err == nil {
		wantVersion(t, do(t, dir, uvx, "--offline", "--from", wheel, "gatehouse", "version"))
	} else {
		t.Log("uvx not tried: it is not here")
	}
}

// The root of the image, with the files and flags of the manifests, run as PID 1 of
// a container would be: nothing else in it, read only, as another user.
func TestPackages_image_runsAsPID1(t *testing.T) {
	onLinux(t)
	program := made(t, "image/gatehouse")
	unshare := tool(t, "unshare")
	if os.Getuid() != 0 {
		t.Skip("not tried: only root can change the root")
	}
	root, m, port := t.TempDir(), readManifests(t), freePort(t)
	for _, dir := range []string{"usr/bin", "etc/gatehouse", "var/lib/gatehouse", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(root, "var/lib/gatehouse"), 65532, 65532); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"servers.json": `{"mcpServers": {"notes": {"command": "/usr/bin/gatehouse", "args": ["demo-server", "notes"]}}}`, "rules.json": m.files.Data["rules.json"]}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, "etc/gatehouse", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "usr/bin/gatehouse"), data, 0o755); err != nil {
		t.Fatal(err)
	}
	args := m.deployment.Spec.Template.Spec.Containers[0].Args
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "0.0.0.0:8000", "127.0.0.1:"+port)
	}
	const enter = `mount --bind "$0" "$0" && mount --bind "$0/var/lib/gatehouse" "$0/var/lib/gatehouse" && mount --bind "$0/tmp" "$0/tmp" && ` +
		`mount -o remount,bind,ro "$0" && exec env -i PATH="$PATH" HOME=/var/lib/gatehouse STATE_DIRECTORY=/var/lib/gatehouse chroot --userspec=65532:65532 "$0" /usr/bin/gatehouse "$@"`
	cmd := exec.CommandContext(t.Context(), unshare, append([]string{"--mount", "--pid", "--fork", "--kill-child", "sh", "-c", enter, root}, args...)...)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	awaitReady(t, "http://127.0.0.1:"+port+"/readyz", ended, &log)
	if err := syscall.Kill(childOf(t, cmd.Process.Pid), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("got %v, want a clean end:\n%s", err, &log)
		}
	case <-time.After(time.Minute):
		t.Error("got no end, want one within a minute")
	}
}

// freePort returns a port that nobody listens on. It is below those that a system gives to
// whoever asks for any, so it is still free when the program listens there.
func freePort(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		port := strconv.Itoa(12_000 + rand.IntN(3_000))
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close() // It has been used for nothing.
			return port
		}
	}
	t.Fatal(err)
	return ""
}

func awaitReady(t *testing.T, url string, ended <-chan error, log *strings.Builder) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		answer, err := http.Get(url)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			if strings.Contains(log.String(), "unshare:") || strings.Contains(log.String(), "mount:") {
				t.Skipf("not tried: this machine allows no root of its own: %s", log)
			}
			t.Fatalf("got %v, want it ready:\n%s", err, log)
		case <-deadline:
			t.Fatalf("got nothing at %s, want it ready", url)
		case <-tick.C:
		}
	}
}

// childOf is the process that unshare has started: PID 1 for itself.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	path := "/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.Fields(string(text) + " 0")[0])
	if err != nil || child == 0 {
		t.Fatalf("got the children %q, want one", text)
	}
	return child
}
