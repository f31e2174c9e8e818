//go:build unix

package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

// operate runs a command of the gateway's operator and returns what it prints.
func operate(t *testing.T, g *testkit.Gateway, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + g.Dir, "GATEHOUSE_HOME=" + g.Dir, "XDG_STATE_HOME=" + filepath.Join(g.Dir, "state"), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gatehouse %v ended with %v, want it to end well: %s", args, err, out)
	}
	return string(out)
}

// attached is how many clients are attached to a gateway.
func attached(t *testing.T, g *testkit.Gateway) int {
	t.Helper()
	var v admin.Status
	if err := json.Unmarshal([]byte(operate(t, g, "status", "--json")), &v); err != nil || v.Attach == nil {
		t.Fatalf("got the status %+v, %v, want that clients can attach", v, err)
	}
	return v.Attach.Attached
}

// status is what the operator is told of the servers, by name.
func status(t *testing.T, g *testkit.Gateway) map[string]admin.ServerStatus {
	t.Helper()
	text := operate(t, g, "status", "--json")
	var v admin.Status
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("cannot read the status: %v\n%s", err, text)
	}
	servers := map[string]admin.ServerStatus{}
	for _, s := range v.Servers {
		servers[s.Name] = s
	}
	return servers
}
