package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// meanwhile is an output that does something when it is told of the audit log.
type meanwhile struct {
	once sync.Once
	do   func()
}

func (m *meanwhile) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("audit log")) {
		m.once.Do(m.do)
	}
	return len(p), nil
}

// The audit log can hold up an approval for seconds. What is revoked meanwhile is revoked.
func TestTrust_whileAnotherFolderIsRevoked_leavesThatRevoked(t *testing.T) {
	home, project := homeOf(t)
	put(t, project, oneServer, someRules)
	other := filepath.Join(home, "src", "other")
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, other, oneServer, someRules)
	runHere("trust", "--yes", other).want(t, exitFine, "Approved")
	t.Setenv("GATEWAY_AUDIT_LOG", filepath.Join(other, ".mcp.json", "no-folder"))
	var out bytes.Buffer
	revoked := false
	errs := &meanwhile{do: func() {
		runHere("trust", "--revoke", other).want(t, exitFine, "not approved any more")
		revoked = true
	}}
	if code := run([]string{"trust", "--yes", project}, nil, &out, errs); code != exitFine || !revoked {
		t.Errorf("got exit code %d, and revoked: %t; want 0, and that it was; it said\n%s", code, revoked, out.String())
	}
	list := runHere("trust", "--list").want(t, exitFine, "approved "+project)
	if strings.Contains(list.out, other) {
		t.Errorf("got\n%s\nwant nothing of the folder that was revoked", list.out)
	}
}
