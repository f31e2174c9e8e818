package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/policy"
	"gatehouse/internal/policydiff"
	"gatehouse/testkit"
)

// written makes a file in a folder of its own and gives its path.
func written(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// alone runs a command with no gateway near.
func alone(t *testing.T, args ...string) ran {
	t.Helper()
	return runIn(t, loneEnv(t), args...)
}

func loneEnv(t *testing.T, more ...string) []string {
	t.Helper()
	home := t.TempDir()
	env := append(testkit.AsGateway(), "HOME="+home, "GATEHOUSE_HOME="+home, "XDG_STATE_HOME="+filepath.Join(home, "state"))
	for _, key := range []string{"PATH", "TMPDIR"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return append(env, more...)
}

const explainRules = `{"agents": {
  "a": {
    "allow": {"servers": ["db"], "tools": {"db": ["query", "list_*"]}},
    "deny":  {"tools": {"*": ["list_secret*"]}}
  },
  "default": {"allow": {"servers": ["docs"]}}
}, "defaults": {"deny_on_missing_agent": false}}
`

func TestExplain_saysTheDecisionItsRuleAndWhatWasOverruled(t *testing.T) {
	t.Parallel()
	file := written(t, "rules.json", explainRules)
	r := alone(t, "explain", "a", "db", "list_secrets", "--rules", file).want(t, exitNo)
	first, rest, _ := strings.Cut(r.out, "\n")
	if want := `deny: agent "a", server "db", tool "list_secrets": tool_denied_pattern, agents.a.deny.tools["*"][0] "list_secret*" ` + file + ":4:31"; first != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
	if want := " of " + file + "\n"; !strings.HasSuffix(r.out, want) {
		t.Errorf("got\n%s\nwant the file of the rules at the end", r.out)
	}
	for _, s := range policy.Steps() {
		if s.Asks(policy.Tools) && !strings.Contains(rest, s.String()) {
			t.Errorf("nothing is said of %s", s)
		}
	}
	_, overruled, _ := strings.Cut(rest, "overruled:")
	if !strings.Contains(overruled, `agents.a.allow.tools.db[1] "list_*" `+file+":3:60") {
		t.Errorf("overruled: %s, want the third word of the list for db with its place", overruled)
	}
}

const listedRules = `{"agents": {"a": {
  "allow": {"servers": ["notes"], "tools": {"notes": ["@readOnly"]}, "resources": {"notes": ["note:*"]}},
  "deny":  {"resources": {"*": ["note://h/secret/*"]}}}}}
`

func TestExplain_resourcesPromptsAndAnnotations(t *testing.T) {
	t.Parallel()
	file := written(t, "rules.json", listedRules)
	for name, c := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"a resource": {[]string{"--resource", "note:1"}, exitFine, []string{`allow: agent "a", server "notes", resource "note:1": resource_allowed_pattern`, "resource_refused"}},
		"a resource that means another": {[]string{"--resource", "NOTE://u@h/%73ecret/x"}, exitNo, []string{
			"resource_denied_pattern", "denies are also compared with:", "note://h/secret/x", file + ":3:33",
		}},
		"a resource that climbs":   {[]string{"--resource", "note:a/%2e%2e/b"}, exitNo, []string{"resource_refused", "control characters or"}},
		"a prompt":                 {[]string{"--prompt", "ask"}, exitNo, []string{`prompt "ask": prompt_not_allowed`, "allow.prompts or allow.tools has a key"}},
		"a tool":                   {[]string{"get"}, exitNo, []string{"tool_not_allowed", "annotations: unknown; --live asks"}},
		"a tool that says more":    {[]string{"get", "--annotations", "@readOnly,!@openWorld"}, exitFine, []string{"tool_allowed_pattern", "@readOnly !@destructive !@idempotent !@openWorld"}},
		"two things":               {[]string{"get", "--resource", "note:1"}, exitUsage, []string{"cannot be combined"}},
		"two other things":         {[]string{"--prompt", "x", "--resource", "note:1"}, exitUsage, []string{"cannot be combined"}},
		"no URI":                   {[]string{"--resource", ""}, exitUsage, []string{"need a value"}},
		"no annotation":            {[]string{"get", "--annotations", "readOnly"}, exitUsage, []string{"--annotations takes some of @readOnly"}},
		"annotations of nothing":   {[]string{"--annotations", "@readOnly"}, exitUsage, []string{"needs a TOOL"}},
		"a URI acts on a terminal": {[]string{"--resource", "note:\x1b[2J"}, exitNo, []string{`\x1b`, "resource_refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := alone(t, append([]string{"explain", "a", "notes", "--rules", file}, c.args...)...).want(t, c.code, c.want...)
			if strings.Contains(r.out, "\x1b") {
				t.Errorf("an escape sequence must not pass: %q", r.out)
			}
		})
	}
	e := value[policy.Explanation](t, alone(t, "explain", "a", "notes", "--resource", "NOTE:1", "--rules", file, "--json").want(t, exitNo))
	if e.Resource != "NOTE:1" || e.Tool != "" || len(e.Meanings) != 1 || e.Meanings[0] != "note:1" || len(e.Steps) != 11 {
		t.Errorf("got %+v, want the resource, what it means and 11 steps", e)
	}
}

func TestExplain_exitCode_isTheAnswer(t *testing.T) {
	t.Parallel()
	file := written(t, "rules.json", explainRules)
	cases := map[string]struct {
		args []string
		code int
		want string
	}{
		"an allowed tool":                {[]string{"a", "db", "query"}, exitFine, "allow: "},
		"an allowed server":              {[]string{"a", "db"}, exitFine, "server_allowed"},
		"a server that is not allowed":   {[]string{"a", "docs"}, exitNo, "server_not_allowed"},
		"an agent without rules":         {[]string{"z", "docs", "read"}, exitFine, `those of "default" apply`},
		"a caller without agent_id":      {[]string{"", "docs", "read"}, exitFine, `the rules of "default" apply`},
		"a name that is none":            {[]string{"a b", "docs"}, exitNo, "INVALID_AGENT_ID"},
		"nothing to ask":                 {[]string{"a"}, exitUsage, "SERVER is missing"},
		"a process without --live":       {[]string{"a", "db", "--pid", "1"}, exitUsage, "--live"},
		"no gateway to ask":              {[]string{"a", "db", "--live"}, exitNone, "no gateway is running"},
		"a name that acts on a terminal": {[]string{"a", "db", "\x1b[2J"}, exitNo, `\x1b`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"explain"}, c.args...)
			if c.code != exitNone {
				args = append(args, "--rules", file)
			}
			if r := alone(t, args...).want(t, c.code, c.want); strings.Contains(r.out, "\x1b") {
				t.Errorf("an escape sequence must not pass: %q", r.out)
			}
		})
	}
}

func TestExplain_json_isTheSameAnswer(t *testing.T) {
	t.Parallel()
	file := written(t, "rules.json", explainRules)
	e := value[policy.Explanation](t, alone(t, "explain", "a", "db", "list_secrets", "--rules", file, "--json").want(t, exitNo))
	if e.Allow || e.Step != policy.ToolDeniedPattern || e.Rule == nil || e.Rule.Line != 4 || len(e.Steps) != 10 || len(e.Overruled) != 2 {
		t.Errorf("got %+v, want a denial by the pattern in line 4, with 10 steps and 2 rules overruled", e)
	}
}

func TestExplain_rulesWithErrors_areShown(t *testing.T) {
	t.Parallel()
	file := written(t, "rules.json", `{"agents": {"a": {"alow": {}}}}`)
	alone(t, "explain", "a", "db", "--rules", file).want(t, exitNo, "rules-unknown-key", "1 error")
}

func TestExplain_live_isWhatACallGets(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"db": testkit.Fake(t, "--tools", "query,list_users")}, explainRules)
	e := value[policy.Explanation](t, operate(t, g, "explain", "a", "db", "query", "--live", "--json").want(t, exitFine))
	if !e.Allow || e.Generation == 0 || e.Rule == nil || e.Rule.File != g.RulesFile {
		t.Errorf("got %+v, want allowed by a rule of %s in the generation in force", e, g.RulesFile)
	}
	operate(t, g, "explain", "a", "db", "other", "--live").want(t, exitNo, "tool_not_allowed", "generation 1 of the running gateway")
	a.Execute(t, "db", "other", nil).Failed(t, "DENIED_BY_POLICY")
	operate(t, g, "explain", "a", "db", "--live", "--rules", g.RulesFile).want(t, exitUsage, "cannot be combined")
}

func TestPolicyDiff_gatesOnWidening(t *testing.T) {
	t.Parallel()
	old := written(t, "old.json", explainRules)
	tools := written(t, "tools.json", `{"db": {"tools": [{"name": "query"}, {"name": "insert"}, {"name": "list_users"}]}}`)
	cases := map[string]struct {
		from, to string
		code     int
		want     []string
	}{
		"the same":            {"", "", exitFine, []string{"access does not widen: 0 answers change"}},
		"a tool less":         {`"query", `, ``, exitFine, []string{"access does not widen", "-  a", "tool_not_allowed", "removed"}},
		"a known tool more":   {`"query"`, `"query", "insert"`, exitNo, []string{"access widens", "+  a", "tool_allowed_exact"}},
		"an unknown one more": {`"query"`, `"query", "new_*"`, exitNo, []string{"access widens: 0 answers", "may widen: tools that it matches may be used now"}},
		"an agent more":       {`"a": {`, `"b": {"allow": {"servers": ["x"]}}, "a": {`, exitNo, []string{"agent added: b", "(the server itself)"}},
		"stricter defaults":   {`: false`, `: true`, exitFine, []string{"defaults.deny_on_missing_agent: true, was false", "(any other agent)", "(no agent_id)"}},
		"a token more": {
			`"deny_on_missing_agent"`, `"tokens": [{"id": "laptop", "agents": ["a"], "sha256": "` + strings.Repeat("ab", 32) + `"}], "deny_on_missing_agent"`,
			exitFine,
			[]string{"defaults.tokens \"laptop\": agents a, token abababab, was none", "access does not widen"},
		},
		"a mistake": {`"agents"`, `"agent"`, exitNo, []string{"rules-unknown-key"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := written(t, "new.json", strings.Replace(explainRules, c.from, c.to, 1))
			alone(t, "policy", "diff", next, "--rules", old, "--tools", tools).want(t, c.code, c.want...)
		})
	}
}

func TestPolicyDiff_badListsOfTools_areShown(t *testing.T) {
	t.Parallel()
	rules := written(t, "rules.json", explainRules)
	alone(t, "policy", "diff", rules, "--rules", rules, "--tools", written(t, "tools.json", `{"db": 7}`)).want(t, exitNo, "tool-lists-wrong-type")
}

func TestPolicyDiff_live_asksForTheToolsThatAreThere(t *testing.T) {
	t.Parallel()
	g, _ := beginRules(t, testkit.Servers{"db": testkit.Fake(t, "--tools", "query,list_users")}, explainRules)
	g.Await(t, "server ready", "server", "db")
	next := written(t, "new.json", strings.Replace(explainRules, `"query", `, ``, 1))
	d := value[policydiff.Diff](t, operate(t, g, "policy", "diff", next, "--live", "--json").want(t, exitFine))
	if len(d.Answers) != 1 || d.Answers[0].Tool != "query" || d.Widens {
		t.Errorf("got %+v, want one answer, about query, that does not widen", d)
	}
	g.Reject(t, g.RulesFile, `{"agents": {"a": 7}}`)
	operate(t, g, "policy", "diff", next, "--live").want(t, exitNo, "rules-wrong-type")
}

func TestValidate_namesRulesThatNeverMatter(t *testing.T) {
	t.Parallel()
	servers := written(t, "mcp.json", `{"mcpServers": {"db": {"command": "x"}}}`)
	rules := written(t, "rules.json", `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["drop_all", "q", "q"], "docs*": ["x"]}}, "deny": {"tools": {"*": ["drop_*"]}}}}}`)
	alone(t, "validate", "--mcp-config", servers, "--rules", rules).
		want(t, exitFine, "rules-never-allows", "rules-duplicate", "rules-unreachable-server", "0 errors")
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(rules, 0o622); err != nil {
		t.Fatal(err)
	}
	alone(t, "validate", "--mcp-config", servers, "--rules", rules).want(t, exitFine, "rules-file-writable", "chmod go-w")
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(rules, link); err != nil {
		t.Fatal(err)
	}
	alone(t, "validate", "--mcp-config", servers, "--rules", link).want(t, exitFine, "rules-file-writable")
}
