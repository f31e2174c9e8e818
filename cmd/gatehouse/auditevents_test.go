package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/trust"
	"gatehouse/testkit"
)

func TestAudit_hasWhatOperatorsDidAndWhichFilesWereReadAgain(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	a.Execute(t, "s", "echo", nil).Good(t)
	operate(t, g, "hold", "s", "--reason", "for\x1b[2J repairs").want(t, exitFine)
	operate(t, g, "release", "s").want(t, exitFine)
	operate(t, g, "release", "nobody").want(t, exitNo)
	g.Apply(t, g.RulesFile, testkit.AllowAll("a", "b"))
	testkit.WriteAtomic(t, g.RulesFile, `{"agents": 1}`)
	g.Await(t, "config rejected")
	operate(t, g, "reload")
	if _, err := a.Try(t.Context(), "drop_all", nil); err == nil {
		t.Error("got a result of a tool that is not there, want an error")
	}
	g.Stop(t)
	got := testkit.ReadFile(t, g.AuditFile)
	for _, want := range []string{
		`"action":"hold","by":"operator's socket","server":"s","outcome":"ok","reason":"for\u001b[2J repairs"`,
		`"action":"release","by":"operator's socket","server":"s","outcome":"ok"`,
		`"action":"release","by":"operator's socket","server":"nobody","outcome":"failed","reason":"there is no server`,
		`"action":"reload","by":"operator's socket","outcome":"ok"`,
		`"event":"reload"`, `"outcome":"applied"`, `"servers_hash":"`, `"policy_hash":"`, `"outcome":"rejected"`,
		`"file":"` + g.RulesFile + `","hash":"` + hashOf([]byte(testkit.AllowAll("a", "b"))) + `"`,
		`"operation":"tools/call","tool":"drop_all","decision":"ERROR"`, `"outcome":"UNKNOWN_TOOL"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s\nwant %s in it", got, want)
		}
	}
	testkit.WriteAtomic(t, g.RulesFile, testkit.AllowAll("a"))
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", g.RulesFile).want(t, exitFine, "0 findings")
}

func TestAudit_refusedCredentials_haveALineWithoutTheToken(t *testing.T) {
	t.Parallel()
	secret := "gatehouse_" + strings.Repeat("x", 43)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Args: quick,
		Rules: `{"agents":{"a":{}},"defaults":{"tokens":[{"id":"alice","agents":["a"],"sha256":"` + strings.Repeat("1f", 32) + `"}]}}`,
	})
	start := time.Now()
	for range 50 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.BaseURL(t)+"/mcp", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	g.Stop(t)
	seconds := int(time.Since(start).Seconds()) + 1
	got := testkit.ReadFile(t, g.AuditFile)
	if lines, all := credentials(t, got); lines < 10 || lines > 10+2*seconds || all != 50 || !strings.Contains(got, `"address":"127.0.0.1:`) {
		t.Errorf("got %d lines of %d refusals in %d s: %s, want ten, two more a second at most, and 50 in all", lines, all, seconds, got)
	}
	if strings.Contains(got, secret) {
		t.Error("got the token in the audit log, want none of it")
	}
}

// credentials counts the lines of refused credentials, and the requests that they
// stand for.
func credentials(t *testing.T, content string) (lines, all int) {
	t.Helper()
	for text := range strings.Lines(content) {
		line := struct {
			Event string
			Count int
		}{Count: 1}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("got the line %q: %v, want JSON", text, err)
		}
		if line.Event == "credential" {
			lines++
			all += line.Count
		}
	}
	return lines, all
}

// Not parallel: it changes the folder and the environment.
func TestAudit_hasWhichFilesWereApproved(t *testing.T) {
	ownFolders(t)
	testkit.WriteAtomic(t, ".mcp.json", `{"mcpServers":{}}`)
	testkit.WriteAtomic(t, ".mcp-gateway-rules.json", `{"agents":{}}`)
	for _, args := range [][]string{{"trust", "--yes"}, {"trust", "--revoke"}} {
		if out, errs := in(args...); strings.Contains(errs, "warning") || strings.Contains(errs, "gatehouse:") {
			t.Fatalf("%v: got %s%s, want it done", args, out, errs)
		}
	}
	got := testkit.ReadFile(t, "own/audit.jsonl")
	for _, want := range []string{
		`"event":"trust","instance":"`, `"action":"approve","by":"gatehouse trust","file":"`, `.mcp.json","hash":"`, `.mcp-gateway-rules.json","hash":"`, `"action":"revoke"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
	if out, errs := in("audit", "verify", "own/audit.jsonl", "--rules", ".mcp-gateway-rules.json"); !strings.Contains(out, "0 findings") {
		t.Errorf("got %s%s, want no findings", out, errs)
	}
}

// Who is killed between the line and the record leaves a line too many; an approval
// without a line would never get one.
func TestAudit_ofAnApprovalThatIsNotKept_saysSo(t *testing.T) {
	ownFolders(t)
	t.Setenv("GATEWAY_AUDIT_LOG", filepath.Join(t.TempDir(), "audit.jsonl"))
	if err := os.MkdirAll(recordPath(), 0o700); err != nil { // Nothing replaces a folder.
		t.Fatal(err)
	}
	files := []trust.File{{Role: trust.Rules, Path: "/p/r.json", SHA256: "ab"}}
	_ = keepTrust(t.Context(), t.Output(), "approve", "/p", files, approval(trust.Project{}, trust.Project{Dir: "/p", Files: files}))
	got := testkit.ReadFile(t, os.Getenv("GATEWAY_AUDIT_LOG"))
	ok, bad := strings.Index(got, `"outcome":"ok"`), strings.Index(got, `"outcome":"failed"`)
	if ok < 0 || bad < ok || !strings.Contains(got, `"reason":"cannot `) {
		t.Errorf("got\n%s\nwant a line that says ok, and then one that says why it is not kept", got)
	}
}

// However slow the machine is: the flood goes on until it is summed up.
func TestAudit_flood_pushesOutNobodyAndIsSummedUp(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Args: quick,
		Rules: testkit.Rules{"loud": {Allow: []string{}}, "honest": {Allow: []string{"s"}}}.JSON(),
	})
	loud, honest := testkit.Agent{ID: "loud", Caller: g.Raw(t)}, g.Agent(t, "honest")
	start, end := time.Now(), flood(t, loud)
	for range 10 {
		honest.Execute(t, "s", "echo", nil).Good(t)
	}
	testkit.Eventually(t, "a line sums up refused calls", func() bool {
		return strings.Contains(testkit.ReadFile(t, g.AuditFile), `"event":"refused"`)
	})
	for range 10 {
		honest.Execute(t, "s", "echo", nil).Good(t)
	}
	sent := end()
	g.Stop(t)
	seconds := int(time.Since(start).Seconds()) + 1
	got := testkit.ReadFile(t, g.AuditFile)
	full, lines, summed := refusals(t, got)
	if full < 500 || full > 500+20*seconds || full+summed != sent {
		t.Errorf("got %d full lines and %d calls summed up in %d s, want 500, 20 more a second at most, and %d in all", full, summed, seconds, sent)
	}
	if lines < 1 || lines > seconds+1 {
		t.Errorf("got %d lines that sum up in %d s, want one a second at most", lines, seconds)
	}
	if n := strings.Count(got, `"agent_id":"honest"`); n != 20 {
		t.Errorf("got %d lines of the honest agent's 20 calls, want each", n)
	}
	if strings.Contains(got, strings.Repeat("x", 260)) {
		t.Error("got a text of more than 256 bytes, want it cut")
	}
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", g.RulesFile).want(t, exitFine, "0 findings", "refused calls are summed up")
}

// flood makes denied calls until end, which returns how many there were.
func flood(t *testing.T, a testkit.Agent) (end func() (sent int)) {
	t.Helper()
	var wg sync.WaitGroup
	var sent atomic.Int64
	ended := make(chan struct{})
	text := strings.Repeat("x", 2000)
	for range 20 {
		wg.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-t.Context().Done():
					return
				default:
				}
				if _, err := a.TryExecute(t.Context(), text+strconv.FormatInt(sent.Add(1), 10), "tool", nil); err != nil {
					t.Logf("a denied call: %v", err)
					return
				}
			}
		})
	}
	t.Cleanup(wg.Wait)
	return func() int {
		close(ended)
		wg.Wait()
		return int(sent.Load())
	}
}

// refusals counts the full lines of denied calls, the lines that sum up, and the
// calls that these stand for.
func refusals(t *testing.T, content string) (full, lines, summed int) {
	t.Helper()
	for text := range strings.Lines(content) {
		var line struct {
			Event, Decision string
			Count           int
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("got the line %q: %v, want JSON", text, err)
		}
		switch {
		case line.Event == "refused":
			lines++
			summed += line.Count
		case line.Decision == "DENY":
			full++
		}
	}
	return full, lines, summed
}
