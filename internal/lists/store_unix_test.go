//go:build unix

package lists_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/lists"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecall_whatOthersMayHaveWritten_isNotUsed(t *testing.T) {
	other := func(t *testing.T, path string) {
		t.Helper()
		if os.Geteuid() != 0 {
			t.Skip("only root can give a file away")
		}
		must(t, os.Chown(path, 12345, -1))
	}
	for name, change := range map[string]func(t *testing.T, list, key string){
		"a symbolic link": func(t *testing.T, list, _ string) {
			must(t, os.Rename(list, list+".real"))
			must(t, os.Symlink(list+".real", list))
		},
		"a hard link":           func(t *testing.T, list, _ string) { must(t, os.Link(list, list+".other")) },
		"writable by others":    func(t *testing.T, list, _ string) { must(t, os.Chmod(list, 0o622)) },
		"another user's":        func(t *testing.T, list, _ string) { other(t, list) },
		"a folder open to all":  func(t *testing.T, list, _ string) { must(t, os.Chmod(filepath.Dir(list), 0o777)) },
		"another user's folder": func(t *testing.T, list, _ string) { other(t, filepath.Dir(list)) },
		"another user's key":    func(t *testing.T, _, key string) { other(t, key) },
		"a folder in its place": func(t *testing.T, list, _ string) { must(t, os.Remove(list)); must(t, os.Mkdir(list, 0o700)) },
		"a named pipe":          func(t *testing.T, list, _ string) { must(t, os.Remove(list)); must(t, syscall.Mkfifo(list, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			keep(t, state, map[string]*endpoint.Catalog{"f": named("x")})
			change(t, files(t, state)[0], filepath.Join(state, "lists.key"))
			var r trouble
			if got := names(t, state, "f", now, &r); len(got) != 0 {
				t.Errorf("got %v, want nothing", got)
			}
			r.want(t, 1, "")
		})
	}
}

func TestKeep_readOnlyFolder_isReportedOnce(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{"f": named("x")})
	must(t, os.Chmod(filepath.Join(state, "lists"), 0o500))
	t.Cleanup(func() { must(t, os.Chmod(filepath.Join(state, "lists"), 0o700)) })
	var r trouble
	s := lists.Open(state, r.report)
	s.Keep("g", named("x"), now)
	s.Keep("h", named("x"), now)
	r.want(t, 1, "permission denied")
	if got := names(t, state, "f", now, &r); len(got) != 1 {
		t.Errorf("got %v, want what was there", got)
	}
}

// limited is set in a process of which the size of files is limited.
const limited = "GATEHOUSE_TEST_FULL_DISK"

// A disk that has no room fails in the middle of a file, as a limit of its size
// does.
func TestKeep_fullDisk_leavesTheOlderList(t *testing.T) {
	if os.Getenv(limited) == "" { // The limit is a whole process's.
		self := exec.Command(os.Args[0], "-test.run=^TestKeep_fullDisk")
		self.Env = append(os.Environ(), limited+"=1")
		if out, err := self.CombinedOutput(); err != nil {
			t.Errorf("got %v, want no error: %s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{"f": named("old")})
	var was syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	full := was
	full.Cur = 100
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full))
	var r trouble
	s := lists.Open(state, r.report)
	s.Keep("f", named("new"), now)
	s.Keep("g", named("new"), now)
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))
	r.want(t, 1, "cannot be kept")
	if got := names(t, state, "f", now, &r); len(got) != 1 || got[0] != "old" {
		t.Errorf("got %v, want the older list", got)
	}
	if got, err := os.ReadDir(filepath.Join(state, "lists")); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v, want no draft left behind", got, err)
	}
}
