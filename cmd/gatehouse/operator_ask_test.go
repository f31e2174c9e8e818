package main

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

func TestTools_namesAndTokensAsAnAgentPaysThem(t *testing.T) {
	t.Parallel()
	rules := testkit.Rules{"a": {Allow: []string{"*"}}, "b": {Allow: []string{"db"}, Tools: testkit.Tools{"db": {"echo", "p*"}}}}.JSON()
	g, a := beginRules(t, testkit.Servers{"db": testkit.Fake(t), "other": testkit.Fake(t)}, rules)
	box := a.Tools(t, "db")
	all := value[admin.Tools](t, operate(t, g, "tools", "db", "--json").want(t, exitFine))
	if len(all.Servers) != 1 || len(all.Servers[0].Tools) != box.Returned || all.Tokens != box.TokensUsed {
		t.Errorf("got %d tools of %d tokens, an agent sees %d of %d, want the same", len(all.Servers[0].Tools), all.Tokens, box.Returned, box.TokensUsed)
	}
	mine := a.As("b").Tools(t, "db")
	some := value[admin.Tools](t, operate(t, g, "tools", "--agent", "b", "--json").want(t, exitFine))
	if len(some.Servers) != 1 || len(some.Servers[0].Tools) != mine.Returned || some.Tokens != mine.TokensUsed || mine.Returned == 0 {
		t.Errorf("agent b: %+v, but it sees %v, want the same for one server", some, mine.Names())
	}
	operate(t, g, "tools").want(t, exitFine, "echo", "other", "in all")
	operate(t, g, "tools", "other", "--agent", "b").want(t, exitNo, "nothing on")
	operate(t, g, "tools", "--agent", "no@agent").want(t, exitNo)
}

func TestCall_rulesApplyAndItIsAudited(t *testing.T) {
	t.Parallel()
	rules := testkit.Rules{"a": {Allow: []string{"db"}, DenyTools: testkit.Tools{"db": {"pid"}}}}.JSON()
	g, _ := beginRules(t, testkit.Servers{"db": testkit.Fake(t)}, rules)
	g.Await(t, "server ready", "server", "db")
	operate(t, g, "call", "db", "echo", `{"n": 9007199254740993}`, "--agent", "a").want(t, exitFine, "9007199254740993")
	operate(t, g, "call", "db", "pid", "--agent", "a").want(t, exitNo, "that you may use", "the gateway refused the call")
	operate(t, g, "call", "db", "echo", "--agent", "stranger").want(t, exitNo)
	operate(t, g, "call", "db", "fail", "--agent", "a").want(t, exitNo, "the server reports")
	operate(t, g, "call", "db", "hang", "--agent", "a", "--timeout", "200ms").want(t, exitNo, "did not answer in time")
	whole := operate(t, g, "call", "db", "oddities", `{"kind":"link"}`, "--agent", "a", "--json").want(t, exitFine, "resource_link", "io.gatehouse/call_id", `"io.gatehouse/origin"`)
	if v := value[map[string]json.RawMessage](t, whole); v["content"] == nil {
		t.Errorf("--json printed %s, want content in it", whole.out)
	}
	operate(t, g, "call", "db", "oddities", `{"kind":"link"}`, "--agent", "a").want(t, exitFine, `"type":"image"`)
	g.Stop(t)
	audit := testkit.ReadFile(t, g.AuditFile)
	if n := strings.Count(audit, `"client":"gatehouse call"`); n != 7 {
		t.Errorf("the audit log has %d of 7 calls:\n%s\nwant 7", n, audit)
	}
	if !strings.Contains(audit, `"decision":"DENY"`) {
		t.Errorf("no denial in the audit log:\n%s", audit)
	}
}

func TestLogs_followLiveAndFilter(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t), "other": testkit.Fake(t)})
	pidOf(t, a, "db")
	pidOf(t, a, "other")
	f := startLive(t, g, "logs", "-f", "--server", "db", "--level", "info")
	if line := f.next(t, "server ready"); !strings.Contains(line, "server=db") {
		t.Errorf("got %q, want server=db", line)
	}
	a.Execute(t, "other", "stderr", map[string]any{"line": "of the other one"}).Good(t)
	a.Execute(t, "db", "stderr", map[string]any{"line": "said just now"}).Good(t)
	for line := ""; !strings.Contains(line, "said just now"); {
		if line = f.next(t, ""); strings.Contains(line, "other") {
			t.Errorf("not asked for: %q", line)
		}
	}
	g.Stop(t)
	if code := f.end(t); code != exitFine {
		t.Errorf("at the end of the gateway it ends with %d, want %d", code, exitFine)
	}
}

func TestLogs_kept_areShownNewestLast(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	for _, word := range []string{"one", "two", "three"} {
		a.Execute(t, "db", "stderr", map[string]any{"line": "word " + word}).Good(t)
		g.Await(t, "server stderr", "line", "word "+word)
	}
	r := operate(t, g, "logs", "-n", "2", "--server", "db", "--level", "info").want(t, exitFine, "word two", "word three")
	if strings.Contains(r.out, "word one") || strings.Index(r.out, "word two") > strings.Index(r.out, "word three") {
		t.Errorf("got:\n%s\nwant word two before word three, and not word one", r.out)
	}
	r = operate(t, g, "logs", "-n", "1", "--server", "db", "--level", "info", "--json").want(t, exitFine)
	if v := value[map[string]any](t, r); v["line"] != "word three" || v["server"] != "db" || v["level"] != "INFO" {
		t.Errorf("got %s, want word three of db at level INFO", r.out)
	}
}
