package main

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

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
	got := testkit.ReadFile(t, g.AuditFile)
	if n := strings.Count(got, `"event":"credential"`); n < 10 || n > 20 || !strings.Contains(got, `"address":"127.0.0.1:`) || !strings.Contains(got, `"count":`) {
		t.Errorf("got %d lines of 50 refusals: %s, want ten and one about the rest", n, got)
	}
	if strings.Contains(got, secret) {
		t.Error("got the token in the audit log, want none of it")
	}
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

func TestAudit_flood_pushesOutNobodyAndIsSummedUp(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Args: quick,
		Rules: testkit.Rules{"loud": {Allow: []string{}}, "honest": {Allow: []string{"s"}}}.JSON(),
	})
	loud, honest := g.Agent(t, "loud"), g.Agent(t, "honest")
	const calls = 560
	var wg sync.WaitGroup
	for w := range 20 {
		wg.Go(func() {
			for i := range calls / 20 {
				_, _ = loud.TryExecute(t.Context(), strings.Repeat("x", 2000)+strconv.Itoa(w*1000+i), "tool", nil) // It is denied.
			}
		})
	}
	for range 20 {
		honest.Execute(t, "s", "echo", nil).Good(t)
	}
	wg.Wait()
	g.Stop(t)
	got := testkit.ReadFile(t, g.AuditFile)
	full, summed := strings.Count(got, `"decision":"DENY"`), strings.Count(got, `"event":"refused"`)
	if full < 500 || full >= calls || summed == 0 || summed > 10 {
		t.Errorf("got %d full lines and %d that sum up, want about 500 and a few", full, summed)
	}
	if n := strings.Count(got, `"agent_id":"honest"`); n != 20 {
		t.Errorf("got %d lines of the honest agent's 20 calls, want each", n)
	}
	if strings.Contains(got, strings.Repeat("x", 260)) {
		t.Error("got a text of more than 256 bytes, want it cut")
	}
	operate(t, g, "audit", "verify", g.AuditFile, "--rules", g.RulesFile).want(t, exitFine, "0 findings", "refused calls are summed up")
}
