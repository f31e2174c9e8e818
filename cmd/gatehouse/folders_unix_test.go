//go:build unix

package main

import (
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestHomeDir_withoutHOME_isThePasswdEntrys(t *testing.T) {
	u, err := user.Current()
	if err != nil || u.HomeDir == "" {
		t.Skip("this user has no passwd entry")
	}
	for _, home := range []string{"", "relative"} {
		t.Setenv("HOME", home)
		if got := homeDir(); got != u.HomeDir {
			t.Errorf("HOME=%q: got %q, want %q", home, got, u.HomeDir)
		}
	}
}

func TestRun_asASystemdService_usesTheFoldersThatItIsGiven(t *testing.T) {
	t.Parallel()
	base, err := os.MkdirTemp("", "gh") // Short: a socket's path is limited.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	env := []string{
		"HOME=", "XDG_STATE_HOME=", "STATE_DIRECTORY=" + base + "/state:" + base + "/more",
		"RUNTIME_DIRECTORY=" + base + "/run", "LOGS_DIRECTORY=" + base + "/logs",
	}
	for _, dir := range []string{"state", "run", "logs"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a"), Env: env, Args: []string{"--audit-log", ""},
	})
	if got, want := filepath.Dir(socketOf(t, g)), base+"/run/run"; got != want {
		t.Errorf("its socket is in %s, want %s", got, want)
	}
	g.Await(t, "server ready")
	runIn(t, append(operatorEnv(g), env...), "status").want(t, exitFine, "s ")
	if _, err := os.Stat(base + "/logs/audit.jsonl"); err != nil {
		t.Errorf("the audit log: %v", err)
	}
	if _, err := os.Stat(base + "/state/instances"); err != nil {
		t.Errorf("the record of processes: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(g.Dir, "gatehouse")); len(left) > 0 {
		t.Errorf("it left %v in the working directory, want nothing", left)
	}
}

func TestRun_auditLogThatCannotBeWritten_saysWhatToDo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, text := startAndFail(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{"XDG_STATE_HOME=" + file}, Args: []string{"--audit-log", ""},
	})
	for _, want := range []string{"audit", file, "--audit-log", "/dev/null"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q in\n%s", want, text)
		}
	}
	if code != exitNo {
		t.Errorf("it ended with %d, want %d", code, exitNo)
	}
}

func TestAuditPath_withoutAnyPlace_isRefused(t *testing.T) {
	if got, err := auditPath(runOptions{auditLog: "x.jsonl"}); err != nil || !filepath.IsAbs(got) {
		t.Errorf("a relative path: got %q, %v, want it made absolute", got, err)
	}
	t.Setenv("LOGS_DIRECTORY", "/var/log/gatehouse:/x")
	if got, err := auditPath(runOptions{}); err != nil || got != "/var/log/gatehouse/audit.jsonl" {
		t.Errorf("got %q, %v, want /var/log/gatehouse/audit.jsonl", got, err)
	}
}

func TestAdminDirs_haveThoseOfAService(t *testing.T) {
	if got := adminDirs(); !slices.Contains(got, "/run/gatehouse/run") {
		t.Skipf("this system has no systemd: %q", got)
	}
}

// A gateway is found once, also where its folder is reached by two paths.
func TestAdminDirs_homeBehindALink_isLookedIntoOnce(t *testing.T) {
	dir, err := os.MkdirTemp("", "gh") // Paths of sockets are short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home, link := filepath.Join(dir, "h"), filepath.Join(dir, "l")
	run := filepath.Join(home, ".local", "state", "gatehouse", "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", link)
	t.Setenv(homeVariable, home)
	var found []string
	for _, dir := range adminDirs() {
		if sameFolder(dir, run) {
			found = append(found, dir)
		}
	}
	if len(found) != 1 {
		t.Errorf("got %q for one folder, want one path", found)
	}
}
