//go:build unix

package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/audit"
)

func TestOpen_namedPipe_isRefusedWithoutWaiting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(path, audit.Options{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestOpen_fileThatIsNotOursAlone_isRefused(t *testing.T) {
	file := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "precious")
		if err := os.WriteFile(path, []byte("as it was"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cases := map[string]struct {
		make func(t *testing.T, target, path string) error
		want string
	}{
		"a symbolic link":           {func(_ *testing.T, target, path string) error { return os.Symlink(target, path) }, "symbolic link"},
		"a link that leads nowhere": {func(_ *testing.T, _, path string) error { return os.Symlink("nowhere", path) }, "symbolic link"},
		"a hard link":               {func(_ *testing.T, target, path string) error { return os.Link(target, path) }, "hard link"},
		"another user's file": {func(t *testing.T, target, path string) error {
			t.Helper()
			if os.Geteuid() != 0 {
				t.Skip("only root can make one")
			}
			if err := os.Rename(target, path); err != nil {
				return err
			}
			return os.Chown(path, 4242, -1)
		}, "another user"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			target := file(t)
			path := filepath.Join(filepath.Dir(target), "audit.jsonl")
			if err := tc.make(t, target, path); err != nil {
				t.Fatal(err)
			}
			l, err := audit.Open(path, audit.Options{Instance: "inst"})
			if l != nil || err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, %v; want it refused because of %q, with its path", l, err, tc.want)
			}
			if got, err := os.ReadFile(target); err == nil && string(got) != "as it was" {
				t.Errorf("the file behind it has become %q, want it as it was", got)
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(target), "nowhere")); err == nil {
				t.Error("the file that the link leads to was made")
			}
		})
	}
}

// The log writes to its lock too: the hash of the last line.
func TestOpen_lockThatIsNotOursAlone_isRefused(t *testing.T) {
	for name, at := range map[string]func(precious, lock string) error{
		"a symbolic link": os.Symlink,
		"a hard link":     os.Link,
		"a named pipe":    func(_, lock string) error { return syscall.Mkfifo(lock, 0o600) },
		"another user's file": func(_, lock string) error {
			if os.Geteuid() != 0 {
				return os.Symlink("x", lock) // Only root can make one.
			}
			if err := os.WriteFile(lock, nil, 0o666); err != nil {
				return err
			}
			return os.Chown(lock, 4242, -1)
		},
	} {
		dir := t.TempDir()
		precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "audit.jsonl")
		if err := os.WriteFile(precious, []byte("as it was"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := at(precious, path+".lock"); err != nil {
			t.Fatal(err)
		}
		l, err := audit.Open(path, audit.Options{Instance: "inst"})
		if err == nil {
			l.Append(audit.Record{CallID: "1"})
			if err := l.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if got, _ := os.ReadFile(precious); string(got) != "as it was" {
			t.Errorf("%s: the file behind it has become %q, want it as it was", name, got)
		}
		if err == nil || !strings.Contains(err.Error(), "audit.jsonl.lock") {
			t.Errorf("%s: got %v, want it refused, with the lock's path", name, err)
		}
	}
}

func TestOpen_folderBehindALink_isFine(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(filepath.Join(link, "audit.jsonl"), audit.Options{Instance: "inst"})
	if err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	if _, err := os.Stat(filepath.Join(dir, "audit.jsonl")); err != nil {
		t.Errorf("got %v, want the log in the folder that the link leads to", err)
	}
}

func TestAppend_nameBecomesALink_nothingIsWrittenThroughIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := audit.Open(path, audit.Options{Instance: "inst"})
	if err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// In one step: between two, the log may look and make its file again.
	link := path + ".link"
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, path); err != nil {
		t.Fatal(err)
	}
	l.Append(audit.Record{Tool: "x"})
	if err := l.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("Close returned %v, want that the file is a symbolic link", err)
	}
	if got, err := os.ReadFile(victim); err != nil || len(got) > 0 {
		t.Errorf("the link's target has %q, %v; want it empty", got, err)
	}
}
