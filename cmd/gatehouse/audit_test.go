package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/audit"
	"gatehouse/testkit"
)

// auditLines reads an audit log's lines as "event decision outcome".
func auditLines(t *testing.T, path string) (lines []string) {
	t.Helper()
	for text := range strings.Lines(testkit.ReadFile(t, path)) {
		var r audit.Record
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%v: %s, want a report as JSON", err, text)
		}
		if r.Operation != "" && r.Operation != "execute_tool" {
			continue
		}
		lines = append(lines, strings.Join(strings.Fields(r.Event+" "+string(r.Decision)+" "+r.Outcome), " "))
	}
	return lines
}

// verifyReport is what "audit verify --json" prints.
type verifyReport struct {
	OK       bool            `json:"ok"`
	Lines    int             `json:"lines"`
	Checked  int             `json:"checked"`
	Other    int             `json:"other_rules"`
	Findings []audit.Finding `json:"findings"`
	More     int             `json:"more"`
	Notes    []string        `json:"notes"`
}

func TestAuditVerify_logOfARun_holdsUntilItIsChanged(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.Rules{
		"a": {Allow: []string{"s", "gone"}, Tools: testkit.Tools{"s": {"echo", "nothing"}}},
	}.JSON())
	a.Execute(t, "s", "echo", nil).Good(t)
	a.Execute(t, "s", "env", nil).Failed(t, "DENIED_BY_POLICY")
	a.Execute(t, "s", "nothing", nil).Failed(t, "TOOL_NOT_FOUND")
	a.Execute(t, "gone", "echo", nil).Failed(t, "SERVER_NOT_FOUND")
	a.As("a@b").Execute(t, "s", "echo", nil).Failed(t, "INVALID_AGENT_ID")
	a.As("stranger").Execute(t, "s", "echo", nil).Failed(t, "DENIED_BY_POLICY")
	a.Call(t, "get_server_tools", map[string]any{"server": "s"}).Good(t)
	a.Call(t, "get_server_tools", map[string]any{"server": "x"}).Failed(t, "DENIED_BY_POLICY")
	a.Call(t, "list_servers", nil).Good(t)
	first := filepath.Join(g.Dir, "first-rules.json")
	testkit.WriteAtomic(t, first, testkit.ReadFile(t, g.RulesFile))
	g.Apply(t, g.RulesFile, testkit.AllowAll("a"))
	a.Execute(t, "s", "env", map[string]any{"name": "HOME"})
	operate(t, g, "audit", "verify", g.AuditFile).want(t, exitFine, "0 findings", g.RulesFile+", of the running gateway")
	if code := g.Stop(t); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}

	operate(t, g, "audit", "verify", g.AuditFile).want(t, exitNo, "cannot find a rules file", "--rules")
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", g.RulesFile).want(t, exitFine, "1 decision checked", "0 findings")
	r := value[verifyReport](t, operate(t, g, "audit", "verify", g.AuditFile, "--rules", first, "--rules", g.RulesFile, "--json").want(t, exitFine))
	if !r.OK || r.Checked != 8 || r.Other != 0 || len(r.Findings)+r.More+len(r.Notes) != 0 {
		t.Errorf("got %+v, want ok with 8 decisions checked, and nothing found", r)
	}

	forged := strings.Replace(testkit.ReadFile(t, g.AuditFile), `"DENY"`, `"ALLOW"`, 1)
	lines := slices.Collect(strings.Lines(forged))
	testkit.WriteAtomic(t, g.AuditFile+".1", strings.Join(lines[:4], ""))
	testkit.WriteAtomic(t, g.AuditFile, strings.Join(lines[5:], ""))
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", first).want(t, exitNo, ".1:3: decision: it says ALLOW by tool_not_allowed, the rules say DENY by tool_not_allowed", ":1: gap: ", "2 findings")
	r = value[verifyReport](t, operate(t, g, "audit", "verify", g.AuditFile, "--rules", first, "--json").want(t, exitNo))
	if r.OK || len(r.Findings) != 2 || r.Findings[0].Kind != audit.Decided || r.Findings[1].Kind != audit.Gap {
		t.Errorf("got %+v, want a wrong decision and a gap", r)
	}

	testkit.WriteAtomic(t, first, `{"agents": 1}`)
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", first).want(t, exitNo, "has errors")
	operate(t, g, "audit", "verify", filepath.Join(g.Dir, "none"), "--rules", g.RulesFile).want(t, exitNo, "cannot read")
}

func TestAuditStrict_callIsWrittenBeforeItIsSent(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, "--audit-mode", "strict")
	call := a.Go(t.Context(), "s", "sleep", map[string]any{"id": "one", "ms": 60_000})
	awaitCall(t, record, "one")
	if got := auditLines(t, g.AuditFile); !slices.Equal(got, []string{"start", "begin ALLOW"}) {
		t.Errorf("got %q while the call runs, want the start and the beginning of the call", got)
	}
	kill(t, pidOf(t, a, "s"))
	call.Wait(t).Failed(t, "SERVER_CRASHED")
	a.Execute(t, "s", "echo", nil).Good(t)
	if code := g.Stop(t); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	got := auditLines(t, g.AuditFile)
	if n := slices.Index(got, "ALLOW SERVER_CRASHED"); n < 0 || got[len(got)-1] != "stop" {
		t.Errorf("got %q, want the crashed call, and the stop at the end", got)
	}
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", g.RulesFile).want(t, exitFine, "0 findings")
}

func TestAuditStrict_logCannotBeWritten_callIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed here")
	}
	dir := filepath.Join(t.TempDir(), "log")
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, "--audit-mode", "strict", "--audit-log", filepath.Join(dir, "audit.jsonl"))
	a.Execute(t, "s", "echo", map[string]any{"id": "before"}).Good(t)
	testkit.Eventually(t, "the call's line", func() bool { return len(auditLines(t, filepath.Join(dir, "audit.jsonl"))) == 3 })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	r := a.Execute(t, "s", "echo", map[string]any{"id": "refused"})
	if e := r.Failed(t, "INTERNAL"); e.MayHaveRun != nil && *e.MayHaveRun || !strings.Contains(e.Message, "audit log cannot be written") || strings.Contains(e.Message, dir) {
		t.Errorf("got %+v, want that the audit log cannot be written, no word of %s, and that nothing has run", e, dir)
	}
	if calls := testkit.Calls(testkit.Record(t, record)); len(calls["refused"]) > 0 {
		t.Error("a call that was refused was sent")
	}
	g.Await(t, "audit log cannot be written")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a.Execute(t, "s", "echo", map[string]any{"id": "after"}).Good(t)
	g.Await(t, "audit log is written again")
	if code := g.Stop(t); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	want := []string{"ALLOW INTERNAL", "begin ALLOW", "ALLOW ok", "stop"}
	if got := auditLines(t, filepath.Join(dir, "audit.jsonl")); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: what was refused is told as well", got, want)
	}
}

func TestAudit_renamedAndSIGHUP_newFileIsOpened(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGHUP")
	}
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	a.Execute(t, "s", "echo", nil).Good(t)
	testkit.Eventually(t, "the call's line", func() bool { return len(auditLines(t, g.AuditFile)) == 2 })
	old := g.AuditFile + "-old"
	if err := os.Rename(g.AuditFile, old); err != nil {
		t.Fatal(err)
	}
	g.Signal(t, syscall.SIGHUP)
	testkit.Eventually(t, "a new audit log", func() bool {
		_, err := os.Stat(g.AuditFile)
		return err == nil
	})
	a.Execute(t, "s", "echo", nil).Good(t)
	if code := g.Stop(t); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	if got := auditLines(t, g.AuditFile); !slices.Equal(got, []string{"ALLOW ok", "stop"}) {
		t.Errorf("got %q in the new file, want the call and the stop", got)
	}
	operate(t, g, "audit", "verify", old, g.AuditFile, "--rules", g.RulesFile).want(t, exitFine, "0 findings")
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", g.RulesFile).want(t, exitNo, "earlier ones are missing")
}

func TestAuditMode_unknown_isWrongUse(t *testing.T) {
	t.Parallel()
	runIn(t, testkit.AsGateway(), "run", "--audit-mode", "lenient").want(t, exitUsage, "--audit-mode")
}
