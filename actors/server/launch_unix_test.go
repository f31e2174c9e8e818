//go:build unix

package server_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"gatehouse/actors/server"
	"gatehouse/internal/descriptors"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/messages"
)

// A process that cannot be started because too many files are open failed for
// nothing that is the server's, and the reason says so.
func TestLauncher_tooManyOpenFiles_isNotTheServersFault(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	none := before
	probe, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	none.Cur = uint64(probe.Fd()) // The next one is beyond it.
	_ = probe.Close()
	plan := messages.ServerPlan{
		Entry: serversfile.Entry{Name: "s"}, Redact: redact.New(nil),
		Spec: resolve.Spec{Transport: serversfile.Stdio, Command: "/bin/sh", Cwd: "/"},
	}
	launcher := server.NewLauncher("1", instance, nil)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err = launcher.Open(t.Context(), plan, 1, server.Hooks{})
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	exit, ok := errors.AsType[*endpoint.Exit](err)
	if !ok || !exit.Scarce || exit.Phase != endpoint.Handshake || !descriptors.Scarce(syscall.EMFILE) {
		t.Errorf("got %v (%+v), want an exit for lack of descriptors", err, exit)
	}
}
