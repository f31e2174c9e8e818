package main

import (
	"io"
	"strings"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
)

// The command that says more can be pasted into a shell.
func TestRestart_notReady_quotesTheServerInTheCommand(t *testing.T) {
	d := operated{Operated: admin.Operated{Server: "my files", Note: `"my files" is not ready`}, State: string(endpoint.BackingOff)}
	if err := d.print(io.Discard, false); err == nil || !strings.Contains(err.Error(), `"gatehouse status 'my files'" says more`) {
		t.Errorf("got %v, want the name quoted in the command", err)
	}
}
