package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/testkit"
)

// saysDumpable has a gateway say at its end whether it can be dumped.
const saysDumpable = "GATEHOUSE_TEST_SAYS_DUMPABLE"

func init() {
	afterMain = func() {
		if os.Getenv(saysDumpable) != "" {
			dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
			fmt.Println("dumpable:", dumpable, err)
		}
	}
}

func TestRun_isClosedToOtherProcessesOfItsUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	servers, rules := filepath.Join(dir, "servers.json"), filepath.Join(dir, "rules.json")
	write(t, servers, `{"mcpServers": {}}`)
	write(t, rules, `{"agents": {}}`)
	self, err := os.Executable() // Another program says nothing.
	if err != nil {
		t.Fatal(err)
	}
	ended := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), self, args...)
		cmd.Env, cmd.Dir = append(operatorEnv(&testkit.Gateway{Dir: dir}), "GATEHOUSE_TEST_MAIN=1", saysDumpable+"=1"), dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v, want that it ends well", args, err)
		}
		return string(out)
	}
	if got := ended("run", "--mcp-config", servers, "--rules", rules); !strings.Contains(got, "dumpable: 0 <nil>") {
		t.Errorf("run: got %s, want that it says that it cannot be dumped", got)
	}
	if got := ended("version"); !strings.Contains(got, "dumpable: 1 <nil>") {
		t.Errorf("version: got %s, want that it can be: else run proves nothing", got)
	}
}
