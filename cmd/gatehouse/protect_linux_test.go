package main

import (
	"fmt"
	"os"
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
	env := append(operatorEnv(&testkit.Gateway{Dir: dir}), saysDumpable+"=1")
	r := runIn(t, env, "run", "--mcp-config", servers, "--rules", rules)
	if r.code != exitFine || !strings.Contains(r.out, "dumpable: 0 <nil>") {
		t.Errorf("run: %+v, want that it ends well and says that it cannot be dumped", r)
	}
	if r := runIn(t, env, "version"); !strings.Contains(r.out, "dumpable: 1 <nil>") {
		t.Errorf("version: %+v, want that it can be: else run proves nothing", r)
	}
}
