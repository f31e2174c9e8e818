//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
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
