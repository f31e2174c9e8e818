//go:build unix

package safefile_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/safefile"
)

// readSoon fails the test when Read does not come back: a blocked open would
// otherwise hang the whole test binary.
func readSoon(t *testing.T, path string) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := safefile.Read(path, 100)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("Read(%s) blocks, want an error at once", path)
		return nil
	}
}

func TestRead_notRegular_isRefusedWithoutWaiting(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	toFifo := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(fifo, toFifo); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ path, kind string }{
		"a FIFO nobody writes to":   {fifo, "named pipe"},
		"a link to a FIFO":          {toFifo, "named pipe"},
		"a device that never ends":  {"/dev/zero", "device"},
		"a device that has no data": {"/dev/null", "device"},
		"a directory":               {t.TempDir(), "directory"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := readSoon(t, tc.path)
			if _, ok := errors.AsType[*safefile.NotRegular](err); !ok {
				t.Fatalf("got %v, want a *NotRegular", err)
			}
			if msg := err.Error(); !strings.Contains(msg, tc.path) || !strings.Contains(msg, tc.kind) {
				t.Errorf("got %q, want it to name %s and say %q", msg, tc.path, tc.kind)
			}
		})
	}
}

func TestRead_socket_isRefused(t *testing.T) {
	dir, err := os.MkdirTemp("", "sf") // t.TempDir may be too long for a socket address
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := readSoon(t, path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

func TestRead_unreadableFile_isErrPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	path := write(t, "f", "x")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := safefile.Read(path, 100); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want fs.ErrPermission", err)
	}
}

func TestRead_procFileThatClaimsToBeEmpty_isReadUpToTheLimit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc")
	}
	got, err := safefile.Read("/proc/self/status", 1<<20)
	if err != nil || len(got) == 0 {
		t.Errorf("got %d bytes, %v; want the content", len(got), err)
	}
	_, err = safefile.Read("/proc/self/status", 10)
	if _, ok := errors.AsType[*safefile.TooLarge](err); !ok {
		t.Errorf("got %v, want a *TooLarge though stat says 0 bytes", err)
	}
}
