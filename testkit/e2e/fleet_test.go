//go:build unix

package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// deed is a call of a real tool and what its answer must contain.
type deed struct {
	tool string
	args map[string]any
	want string
}

// member is one server of the fleet; without a deed it only has to be ready and
// to list its tools.
type member struct {
	entry testkit.Entry
	deed  deed
}

// fromNPM is an entry that runs a package's command with the pinned Node.js.
func fromNPM(t *testing.T, command string, args ...string) testkit.Entry {
	t.Helper()
	return testkit.Entry{"command": node(t), "args": append([]string{npmFile(t, ".bin", command)}, args...)}
}

// fromPyPI is an entry that runs a package's command from an environment with
// the Python SDK.
func fromPyPI(t *testing.T, version, command string, args ...string) testkit.Entry {
	t.Helper()
	return testkit.Entry{"command": filepath.Join(filepath.Dir(python(t, version)), command), "args": args}
}

// fleet is official and popular servers that need no key.
func fleet(t *testing.T, dir string) map[string]member {
	t.Helper()
	path := filepath.Join(dir, "note.txt")
	members := map[string]member{
		"everything": {fromNPM(t, "mcp-server-everything", "stdio"), deed{"echo", map[string]any{"message": "here"}, "here"}},
		"files":      {fromNPM(t, "mcp-server-filesystem", dir), deed{"write_file", map[string]any{"path": path, "content": "a"}, "note.txt"}},
		"memory": {
			fromNPM(t, "mcp-server-memory").With("env", map[string]string{"MEMORY_FILE_PATH": filepath.Join(dir, "memory.jsonl")}),
			deed{"create_entities", map[string]any{"entities": []any{map[string]any{"name": "Ada", "entityType": "person", "observations": []string{}}}}, "Ada"},
		},
		"thinking": {
			fromNPM(t, "mcp-server-sequential-thinking"),
			deed{"sequentialthinking", map[string]any{"thought": "one", "thoughtNumber": 1, "totalThoughts": 1, "nextThoughtNeeded": false}, "thoughtHistoryLength"},
		},
		"commands": {fromNPM(t, "mcp-server-commands"), deed{"run_command", map[string]any{"command": "echo $((6 * 7))"}, "42"}},
		"context7": {entry: fromNPM(t, "context7-mcp")},
		"browser":  {entry: fromNPM(t, "playwright-mcp", "--headless", "--isolated")},
		"devtools": {entry: fromNPM(t, "chrome-devtools-mcp", "--headless", "--isolated", "--no-usage-statistics")},
		"chart":    {entry: fromNPM(t, "mcp-server-chart")},
		"github":   {entry: fromNPM(t, "mcp-server-github")},
	}
	if hasPython(t) {
		maps.Copy(members, pythonFleet(t, dir))
	}
	return members
}

// pythonFleet is those of them that come from PyPI.
func pythonFleet(t *testing.T, dir string) map[string]member {
	t.Helper()
	repository, page := repository(t), page(t)
	return map[string]member{
		"time": {fromPyPI(t, "new", "mcp-server-time"), deed{"get_current_time", map[string]any{"timezone": "Asia/Tokyo"}, "+09:00"}},
		"git":  {fromPyPI(t, "new", "mcp-server-git"), deed{"git_log", map[string]any{"repo_path": repository}, "the first commit"}},
		"fetch": {
			fromPyPI(t, "new", "mcp-server-fetch", "--ignore-robots-txt", "--allow-private-ips"),
			deed{"fetch", map[string]any{"url": page, "raw": true}, "the page itself"},
		},
		"duckduckgo": {entry: fromPyPI(t, "new", "duckduckgo-mcp-server")},
		"sqlite": {
			fromPyPI(t, "old", "mcp-server-sqlite", "--db-path", filepath.Join(dir, "data.db")),
			deed{"read_query", map[string]any{"query": "SELECT 6 * 7 AS answer"}, "42"},
		},
		"calculator": {fromPyPI(t, "old", "mcp-server-calculator"), deed{"calculate", map[string]any{"expression": "6 * 7"}, "42"}},
	}
}

// hasPython reports whether what comes from PyPI is installed, and says so if not.
func hasPython(t *testing.T) bool {
	t.Helper()
	_, err := os.Stat(testdata(t, "python", "venv-new", ".installed"))
	if err != nil {
		t.Log("without what comes from PyPI: make python needs python3 with venv")
	}
	return err == nil
}

// repository is a git repository with one commit.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"init", "--quiet"}, {"-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "--message", "the first commit"},
	} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			skip(t, fmt.Sprintf("git is not here or does not work: %v %s", err, out))
		}
	}
	return dir
}

// page is the address of a page.
func page(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the page itself") }))
	t.Cleanup(s.Close)
	return s.URL
}

// A file with many real servers needs no more starts than it has servers, and
// nothing of them is left in the end.
func TestFleet_startsEachOnce_servesAll_leavesNothing(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	members := fleet(t, dir)
	mark := "fleet-" + filepath.Base(dir)
	servers := testkit.Servers{}
	for name, m := range members {
		env := map[string]string{"GATEHOUSE_E2E_MARK": mark}
		if own, ok := m.entry["env"].(map[string]string); ok {
			env["MEMORY_FILE_PATH"] = own["MEMORY_FILE_PATH"]
		}
		servers[name] = m.entry.With("env", env)
	}
	begun := time.Now()
	g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("agent"), Env: []string{testkit.Built(t)}})
	for name := range members {
		g.Await(t, "server ready", "server", name)
	}
	t.Logf("%d servers are ready after %v", len(members), time.Since(begun).Round(100*time.Millisecond))
	if starts := g.Count(0, "server starting") + g.Count(0, "server started over"); starts != len(members) {
		t.Errorf("got %d starts, want %d, one for each server:", starts, len(members))
		for _, l := range g.Log.Lines() {
			if l.Msg == "server started over" || l.Msg == "server crashed" {
				t.Log(l.Raw)
			}
		}
	}
	for name, s := range status(t, g) {
		if s.State != "ready" || s.Tools == nil || *s.Tools == 0 || s.ToolsProblem != "" {
			t.Errorf("%s is %s with the tools %v %s, want it ready with some", name, s.State, s.Tools, s.ToolsProblem)
		}
	}
	a := g.Agent(t, "agent")
	for name, m := range members {
		if m.deed.tool == "" {
			continue
		}
		if got := a.Execute(t, name, m.deed.tool, m.deed.args).Good(t); !strings.Contains(got.Text, m.deed.want) {
			t.Errorf("%s.%s: got %q, want %q in it", name, m.deed.tool, got.Text, m.deed.want)
		}
	}
	if code := g.Stop(t); code != 0 {
		t.Errorf("the gateway ended with %d, want 0", code)
	}
	if left := marked("GATEHOUSE_E2E_MARK=" + mark); len(left) > 0 {
		t.Errorf("left behind: %v, want nothing", left)
	}
}

// marked returns the command lines of the processes that have this in their
// environment. Without /proc it sees none.
func marked(variable string) []string {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	var found []string
	for _, path := range environments {
		environment, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(environment), "\x00"), variable) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
	}
	return found
}
