package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// systemsOwn are errors of the system as it words them: a call, a path and why.
var systemsOwn = regexp.MustCompile(`(^|: )(open|mkdir|lstat|stat|remove|rename|read|getwd) ?/?`)

// What is wrong with a file is said in one sentence that names it once.
func TestFiles_thatCannotBeUsed_areNamedOnce(t *testing.T) {
	home, workDir := freshHome(t)
	atHome(t, "init").want(t, exitFine)
	for _, name := range []string{"dir", "dir/x"} {
		if err := os.MkdirAll(filepath.Join(workDir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	servers := filepath.Join(home, ".config", "gatehouse", ".mcp.json")
	rules := filepath.Join(home, ".config", "gatehouse", ".mcp-gateway-rules.json")
	missing, dir, below := filepath.Join(workDir, "missing"), filepath.Join(workDir, "dir"), filepath.Join(servers, "x")
	for _, c := range []struct {
		args []string
		bad  []string
	}{
		{[]string{"validate", "--rules", rules, "--mcp-config"}, []string{missing, dir, below}},
		{[]string{"validate", "--mcp-config", servers, "--rules"}, []string{missing, dir, below}},
		{[]string{"validate", "--env-file"}, []string{missing, dir, below}},
		{[]string{"run", "--rules", rules, "--mcp-config"}, []string{missing, dir, below}},
		{[]string{"run", "--log-file"}, []string{dir, below}},
		{[]string{"run", "--audit-log"}, []string{dir}},
		{[]string{"apply", "--fleet", "f", "--fleet-store", "127.0.0.1:1", "--mcp-config", servers, "--rules"}, []string{missing, dir, below}},
		{[]string{"explain", "a", "b", "--rules"}, []string{missing, dir, below}},
		{[]string{"policy", "test"}, []string{missing, dir, below}},
		{[]string{"policy", "diff"}, []string{missing, dir, below}},
		{[]string{"audit", "verify", "--rules", rules}, []string{missing}},
		{[]string{"import", "--from"}, []string{missing, dir, below}},
		{[]string{"trust"}, []string{missing, below}},
		{[]string{"init", "--dir"}, []string{servers, below}},
		{[]string{"login", "x", "--mcp-config"}, []string{missing, dir, below}},
		{[]string{"attach", "--url", "http://127.0.0.1:1/mcp", "--token-file"}, []string{missing, dir, below}},
		{[]string{"man"}, []string{servers, below}},
	} {
		for _, bad := range c.bad {
			r := atHome(t, append(c.args, bad)...)
			var said string
			for l := range strings.Lines(r.err + r.out) {
				if strings.Contains(l, bad) && !strings.HasPrefix(l, "{") && !strings.HasPrefix(l, "warning") {
					said = l
					break
				}
			}
			if r.code != exitNo || strings.Count(said, bad) != 1 || systemsOwn.MatchString(strings.ReplaceAll(said, bad, "")) {
				t.Errorf("%v %s: got exit code %d and\n%s\nwant 1 and a sentence that names the file once", c.args, bad, r.code, r.err+r.out)
			}
		}
	}
}

func TestFiles_thatCannotBeReadAgain_areNamedOnceByReloadAndStatus(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{})
	if err := os.Remove(g.RulesFile); err != nil {
		t.Fatal(err)
	}
	g.Await(t, "config rejected", "file", g.RulesFile)
	want := "error: " + g.RulesFile + ": cannot read the file: "
	operate(t, g, "reload").want(t, exitNo, want)
	operate(t, g, "status").want(t, exitFine, want)
}

func TestWorkingFolder_thatIsGone_isSaid(t *testing.T) {
	freshHome(t)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Remove(dir); err != nil {
		t.Skip("a folder that is in use cannot be removed here")
	}
	for _, args := range [][]string{{"validate"}, {"run"}, {"trust"}, {"import"}, {"explain", "a", "b"}, {"init", "--dir", "x"}} {
		if r := atHome(t, args...); r.code != exitNo || !strings.Contains(r.err, "cannot find the working directory: no such file or directory; go to") {
			t.Errorf("%v: got exit code %d and %q, want 1 and that the working directory is gone", args, r.code, r.err)
		}
	}
}
