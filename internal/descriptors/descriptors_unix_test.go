//go:build unix

package descriptors_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/descriptors"
	"gatehouse/internal/safefile"
)

// exhaust takes every descriptor that the process may have.
func exhaust(t *testing.T) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	small := before
	small.Cur = 128
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &small); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	t.Cleanup(func() {
		for _, f := range taken {
			_ = f.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
	for {
		f, err := os.Open(os.DevNull)
		if descriptors.Scarce(err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, f)
	}
}

func TestKeep_whenAllAreTaken_filesAreReadAndTheSocketAnswers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "fd") // t.TempDir may be too long for a socket.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	plain, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	client, err := net.Dial("unix", plain.Addr().String()) // It waits to be accepted.
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	descriptors.Keep(2)
	t.Cleanup(func() { descriptors.Keep(0) })
	exhaust(t)
	for i := range 3 {
		if got, err := safefile.Read(file, 100); err != nil || string(got) != "{}" {
			t.Fatalf("read %d: got %q, %v, want {}", i, got, err)
		}
	}
	conn, err := descriptors.Listener(plain).Accept()
	if err != nil {
		t.Fatalf("accept: got %v, want a connection", err)
	}
	_ = conn.Close()
}

func TestWithSpare_nothingIsLeft_isTheError(t *testing.T) {
	exhaust(t)
	_, err := safefile.Read("/etc/hostname", 100)
	if !descriptors.Scarce(err) {
		t.Errorf("got %v, want the error of too few descriptors", err)
	}
	for _, other := range []error{nil, errors.New("x"), syscall.EACCES} {
		if descriptors.Scarce(other) {
			t.Errorf("%v counts as too few descriptors", other)
		}
	}
	if !descriptors.Scarce(fmt.Errorf("cannot: %w", syscall.ENFILE)) || !strings.Contains(syscall.EMFILE.Error(), "open files") {
		t.Error("a wrapped ENFILE does not count, want it to")
	}
}
