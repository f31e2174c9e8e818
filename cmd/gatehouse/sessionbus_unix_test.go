//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// A gateway in the background finds the keyring of the session by the user id alone.
func TestSessionBus_isTheSocketOfTheRuntimeFolder(t *testing.T) {
	dir, err := os.MkdirTemp("", "gh") // Paths of sockets are short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "bus")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := sessionBus(dir); len(got) != 0 {
		t.Errorf("got %v for a file, want nothing", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if got, want := sessionBus(dir), []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + path}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The environment of a gateway in the background has it, unless the tests' home counts.
func TestOwnEnvironment_hasTheBusOfTheSession(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a runtime folder for each user")
	}
	root, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	before := runtimeFolders
	t.Cleanup(func() { runtimeFolders = before; _ = os.RemoveAll(root) })
	runtimeFolders = root
	dir := filepath.Join(root, strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	bus := "DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(dir, "bus")
	for home, want := range map[string]bool{"": true, root: false} {
		t.Setenv(homeVariable, home)
		if got := nobodysEnvironment(); slices.Contains(got, bus) != want {
			t.Errorf("with the home %q: got %v, want the bus: %t", home, got, want)
		}
	}
}
