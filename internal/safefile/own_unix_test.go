//go:build unix

package safefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gatehouse/internal/safefile"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOwn_isReadAsItWasWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "record")
	for _, text := range []string{"first", "second"} {
		check(t, safefile.WriteOwn(path, []byte(text)))
		if got, err := safefile.ReadOwn(path, 100); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	info, err := os.Stat(path)
	check(t, err)
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode: got %04o, want 0600", got)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("it left %v, want the file alone", left)
	}
	if _, err := safefile.ReadOwn(path, 3); err == nil {
		t.Error("a file beyond the limit: got no error")
	}
	if _, err := safefile.ReadOwn(path+"x", 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: got %v, want that it does not exist", err)
	}
	if _, err := safefile.ReadOwn(filepath.Join(dir, "c", "record"), 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: got %v, want that it does not exist", err)
	}
}

func TestReadOwn_whatOthersCanHaveWritten_isRefused(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir, path string){
		"a symbolic link": func(t *testing.T, dir, path string) {
			check(t, os.Rename(path, path+".real"))
			check(t, os.Symlink(path+".real", path))
		},
		"a hard link":               func(t *testing.T, dir, path string) { check(t, os.Link(path, path+".other")) },
		"writable by the group":     func(t *testing.T, dir, path string) { check(t, os.Chmod(path, 0o620)) },
		"writable by all":           func(t *testing.T, dir, path string) { check(t, os.Chmod(path, 0o602)) },
		"in a folder open to all":   func(t *testing.T, dir, path string) { check(t, os.Chmod(dir, 0o777)) },
		"in a folder of a group":    func(t *testing.T, dir, path string) { check(t, os.Chmod(dir, 0o770)) },
		"in a sticky folder":        func(t *testing.T, dir, path string) { check(t, os.Chmod(dir, 0o777|fs.ModeSticky)) },
		"a pipe, which never reads": func(t *testing.T, dir, path string) { check(t, os.Remove(path)); check(t, syscall.Mkfifo(path, 0o600)) },
		"another user's": func(t *testing.T, dir, path string) {
			if err := os.Chown(path, 65534, 65534); err != nil {
				t.Skip("only root can make a file another user's")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			path := filepath.Join(dir, "record")
			check(t, safefile.WriteOwn(path, []byte("text")))
			spoil(t, dir, path)
			if got, err := safefile.ReadOwn(path, 100); err == nil {
				t.Errorf("got %q, want an error", got)
			}
		})
	}
}

func TestWriteOwn_aFolderThatOthersWriteTo_isRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "open")
	check(t, os.Mkdir(dir, 0o700))
	check(t, os.Chmod(dir, 0o777))
	if err := safefile.WriteOwn(filepath.Join(dir, "record"), nil); err == nil {
		t.Error("got no error, want one")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("it left %v, want nothing", left)
	}
}

// A link is replaced, and what it leads to stays as it is.
func TestWriteOwn_followsNoLink(t *testing.T) {
	dir := t.TempDir()
	check(t, os.Chmod(dir, 0o700))
	check(t, os.WriteFile(filepath.Join(dir, "victim"), []byte("victim"), 0o600))
	check(t, os.Symlink("victim", filepath.Join(dir, "record")))
	check(t, safefile.WriteOwn(filepath.Join(dir, "record"), []byte("text")))
	if got, _ := os.ReadFile(filepath.Join(dir, "victim")); string(got) != "victim" {
		t.Errorf("the link's target: got %q, want it unchanged", got)
	}
}

func TestRewrite_keepsModeAndLinks(t *testing.T) {
	dir := t.TempDir()
	real, link, fresh := filepath.Join(dir, "real"), filepath.Join(dir, "link"), filepath.Join(dir, "new", "fresh")
	if err := os.WriteFile(real, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{link: 0o640, fresh: 0o600} {
		if err := safefile.Rewrite(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: got %v, %v; want mode %o", path, info, err, mode)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("got %v, %v; want the link to stay one", info, err)
	}
	if err := os.Remove(real); err != nil {
		t.Fatal(err)
	}
	if err := safefile.Rewrite(link, []byte("x")); err == nil {
		t.Error("a link to nothing: got no error, want one")
	}
}
