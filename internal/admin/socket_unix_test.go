//go:build unix

package admin_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/ownsocket"
)

// mode returns the permission bits of a path, and fails if there is none.
func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestListen_socketIsPrivateWhateverTheUmask(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := folder(t)
	s, err := admin.Listen(t.Context(), []string{dir}, 42, "abc")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Path() != filepath.Join(dir, "42.sock") || mode(t, s.Path()) != 0o600 || mode(t, dir) != 0o700 {
		t.Errorf("%s has mode %o in a folder of %o, want 42.sock with mode 600 in a folder of 700", s.Path(), mode(t, s.Path()), mode(t, dir))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("more than the socket is left: %v %v, want it alone", entries, err)
	}
}

func TestListen_close_removesTheFile(t *testing.T) {
	s, err := admin.Listen(t.Context(), []string{folder(t)}, 42, "abc")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(s.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestListen_folderOpenToOthers_isRefused(t *testing.T) {
	cases := map[string]func(t *testing.T, dir string){
		"a folder that others may read":  func(t *testing.T, dir string) { makeDir(t, dir, 0o755) },
		"a folder that others may write": func(t *testing.T, dir string) { makeDir(t, dir, 0o722) },
		"a symbolic link": func(t *testing.T, dir string) {
			makeDir(t, dir+".real", 0o700)
			if err := os.Symlink(dir+".real", dir); err != nil {
				t.Fatal(err)
			}
		},
		"a file": func(t *testing.T, dir string) {
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a folder of somebody else's": func(t *testing.T, dir string) {
			makeDir(t, dir, 0o700)
			if err := os.Chown(dir, 12345, -1); err != nil {
				t.Skip("only root can give a folder away")
			}
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			dir, good := folder(t), folder(t)
			prepare(t, dir)
			if s, err := admin.Listen(t.Context(), []string{dir}, 42, "abc"); err == nil {
				t.Error("it must not be used: " + s.Path())
				_ = s.Close()
			} else if !strings.Contains(err.Error(), dir) {
				t.Errorf("the error does not name the folder: %v", err)
			}
			s, err := admin.Listen(t.Context(), []string{dir, good}, 42, "abc")
			if err != nil {
				t.Fatalf("the next folder was not taken: %v", err)
			}
			defer s.Close()
			if filepath.Dir(s.Path()) != good {
				t.Errorf("the socket is %s, want one in %s", s.Path(), good)
			}
		})
	}
}

func makeDir(t *testing.T, dir string, perm fs.FileMode) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, perm); err != nil {
		t.Fatal(err)
	}
}

// stale leaves a socket file that nobody listens on.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListen_staleSockets_areRemovedAndTheirNameTaken(t *testing.T) {
	dir := folder(t)
	makeDir(t, dir, 0o700)
	stale(t, filepath.Join(dir, "42.sock"))
	stale(t, filepath.Join(dir, "43.sock"))
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := admin.Listen(t.Context(), []string{dir}, 42, "abc")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Path() != filepath.Join(dir, "42.sock") {
		t.Errorf("the socket is %s, want 42.sock in %s", s.Path(), dir)
	}
	if _, err := os.Lstat(filepath.Join(dir, "43.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the other stale one is left: %v, want it gone", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Errorf("another file was touched: %v", err)
	}
}

func TestListen_liveNamesake_isNotRobbed(t *testing.T) {
	dir := folder(t)
	first, err := admin.Listen(t.Context(), []string{dir}, 42, "abc")
	if err != nil {
		t.Fatal(err)
	}
	a := newFake()
	a.status.PID, a.status.Instance = 42, "abc"
	server := admin.Serve(first, a, nil, slog.New(slog.DiscardHandler))
	defer server.Close()
	second, err := admin.Listen(t.Context(), []string{dir}, 42, "def")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.Path() == first.Path() {
		t.Fatal("both have the same path")
	}
	if st, err := admin.NewClient(first.Path()).Status(within(t)); err != nil || st.Instance != "abc" {
		t.Errorf("the first answers %+v, %v, want instance abc", st, err)
	}
}

func TestFind_listsLiveGatewaysOfAllFolders(t *testing.T) {
	one, two, missing := folder(t), folder(t), folder(t)
	for i, dir := range []string{two, one} {
		s, err := admin.Listen(t.Context(), []string{dir}, 50-i, "abc")
		if err != nil {
			t.Fatal(err)
		}
		f := newFake()
		f.status.PID = 50 - i
		server := admin.Serve(s, f, nil, slog.New(slog.DiscardHandler))
		defer server.Close()
	}
	stale(t, filepath.Join(one, "7.sock"))
	found, _ := admin.Find(within(t), []string{one, two, missing})
	if len(found) != 2 || found[0].Status.PID != 49 || found[1].Status.PID != 50 {
		t.Fatalf("found %+v, want pids 49 and 50", found)
	}
	if st, err := found[1].Client.Status(within(t)); err != nil || st.PID != 50 {
		t.Errorf("its client reaches %d, %v, want 50", st.PID, err)
	}
	if _, err := os.Lstat(filepath.Join(one, "7.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the stale socket is left")
	}
}

func TestFind_folderOpenToOthers_isNotTrusted(t *testing.T) {
	dir := folder(t)
	s, err := admin.Listen(t.Context(), []string{dir}, 42, "abc")
	if err != nil {
		t.Fatal(err)
	}
	server := admin.Serve(s, newFake(), nil, slog.New(slog.DiscardHandler))
	defer server.Close()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if found, _ := admin.Find(within(t), []string{dir}); len(found) != 0 {
		t.Errorf("found %d, want 0", len(found))
	}
}

func TestListen_shortStandIn_isRemovedWithTheLastSocket(t *testing.T) {
	temp := filepath.Dir(folder(t))
	dirs := ownsocket.Dirs([]string{"/" + strings.Repeat("long/", 30)}, temp)
	s, err := admin.Listen(t.Context(), dirs, 42, "abc")
	if err != nil {
		t.Fatal(err)
	}
	if mode(t, dirs[0]) != 0o700 {
		t.Errorf("its mode is %o, want 0o700", mode(t, dirs[0]))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dirs[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v, want it gone", err)
	}
}

func TestListen_standInsThatKilledGatewaysLeft_areRemoved(t *testing.T) {
	temp := filepath.Dir(folder(t))
	standIn := func(name string) string {
		return ownsocket.Dirs([]string{"/" + strings.Repeat(name, 30)}, temp)[0]
	}
	old := time.Now().Add(-time.Hour)
	left, young, inUse := standIn("left/"), standIn("young/"), standIn("in use/")
	for _, dir := range []string{left, young, inUse} {
		makeDir(t, dir, 0o700)
	}
	stale(t, filepath.Join(left, "7.sock"))
	live, err := admin.Listen(t.Context(), []string{inUse}, 8, "abc")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	for _, dir := range []string{left, inUse} {
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	s, err := admin.Listen(t.Context(), []string{standIn("own/")}, 42, "abc")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was left is still there: %v", err)
	}
	for _, dir := range []string{young, filepath.Join(inUse, "8.sock")} {
		if _, err := os.Lstat(dir); err != nil {
			t.Errorf("too much was removed: %v", err)
		}
	}
}
