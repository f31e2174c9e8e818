//go:build unix

package audit_test

import (
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
