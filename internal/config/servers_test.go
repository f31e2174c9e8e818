package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/config"
)

// servers parses a file that has no problem at all.
func servers(t *testing.T, src string) config.Servers {
	t.Helper()
	s, problems := config.ParseServers(".mcp.json", []byte(src))
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problemText(problems))
	}
	return s
}

// entry parses a file with one entry, named "s", given as its JSON.
func entry(t *testing.T, body string) config.Entry {
	t.Helper()
	return servers(t, `{"mcpServers": {"s": `+body+`}}`).Entries[0]
}

func TestParseServers_readsAnEntryAsWritten(t *testing.T) {
	got := servers(t, `{"mcpServers": {
	  "files":  {"command": "npx", "args": ["-y", "x", "${A}"], "type": "stdio",
	             "env": {"TOKEN": "${FILES_TOKEN}"}, "envFile": "~/f.env", "cwd": "/srv", "description": "Project files"},
	  "remote": {"url": "https://example.com/mcp", "headers": {"Authorization": "Bearer ${API_TOKEN:-none}"}, "disabled": true},
	}}`).Entries
	want := []config.Entry{
		{
			Name: "files", Transport: config.Stdio, Command: "npx", Args: []string{"-y", "x", "${A}"},
			Env: map[string]string{"TOKEN": "${FILES_TOKEN}"}, EnvFile: "~/f.env", Cwd: "/srv", Description: "Project files",
			Settings: config.DefaultSettings(),
		},
		{
			Name: "remote", Transport: config.Auto, URL: "https://example.com/mcp",
			Headers: map[string]string{"Authorization": "Bearer ${API_TOKEN:-none}"}, Disabled: true,
			Settings: config.DefaultSettings(),
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(config.Entry{}, "Pos")); diff != "" {
		t.Error(diff)
	}
	if got[1].Pos.Line != 4 || got[1].Pos.Column != 4 || got[1].Pos.File != ".mcp.json" {
		t.Errorf("got position %+v", got[1].Pos)
	}
}

func TestParseServers_lookups(t *testing.T) {
	src := `{"mcpServers": {"b": {"command": "x"}, "a": {"command": "y"}}}`
	s := servers(t, src)
	if diff := cmp.Diff([]string{"a", "b"}, s.Names()); diff != "" {
		t.Error(diff)
	}
	if e, ok := s.Entry("a"); !ok || e.Command != "y" {
		t.Errorf("got %+v, %v", e, ok)
	}
	if _, ok := s.Entry("A"); ok {
		t.Error("names are case-sensitive")
	}
	if len(s.Hash) != 64 || s.Hash == servers(t, src+" ").Hash || s.Hash != servers(t, src).Hash {
		t.Errorf("the hash is not one of the bytes: %s", s.Hash)
	}
}

func TestParseServers_anEmptyObjectIsFine(t *testing.T) {
	if got := servers(t, `{"mcpServers": {}}`).Entries; len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestParseServers_transports(t *testing.T) {
	cases := map[string]struct {
		body string
		want config.Transport
	}{
		"a command is stdio":                 {`{"command": "x"}`, config.Stdio},
		"stdio may be said":                  {`{"command": "x", "type": "stdio", "transport": "stdio"}`, config.Stdio},
		"a url without a type is tried":      {`{"url": "http://h"}`, config.Auto},
		"http":                               {`{"url": "http://h", "type": "http"}`, config.HTTP},
		"streamable-http":                    {`{"url": "http://h", "transport": "streamable-http"}`, config.HTTP},
		"streamableHttp":                     {`{"url": "http://h", "type": "streamableHttp"}`, config.HTTP},
		"streamable_http":                    {`{"type": "streamable_http", "url": "http://h"}`, config.HTTP},
		"sse":                                {`{"url": "http://h", "type": "sse"}`, config.SSE},
		"two spellings of one kind agree":    {`{"url": "http://h", "type": "http", "transport": "streamable-http"}`, config.HTTP},
		"a url may begin with a variable":    {`{"url": "${BASE}/mcp", "type": "sse"}`, config.SSE},
		"a url may have a variable as port":  {`{"url": "https://h:${PORT}/mcp"}`, config.Auto},
		"a scheme may have capital letters":  {`{"url": "HTTPS://h/mcp"}`, config.Auto},
		"a literal ${ in a url is no varia.": {`{"url": "https://h/mcp?x=$${y"}`, config.Auto},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := entry(t, c.body).Transport; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestParseServers_names(t *testing.T) {
	for _, name := range []string{"a", "x y", "日本語", "a.b/c:d", "$&'", strings.Repeat("x", 128), "…"} {
		if !config.ValidServerName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", "*", "a?", "[a", "a]", "a\tb", "a\x7f", "a\u200b", "\xff", strings.Repeat("é", 65)} {
		if config.ValidServerName(name) {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestParseServers_defaultSettings_areThoseOfTheContract(t *testing.T) {
	want := config.Settings{
		StartupTimeout: 60000 * time.Millisecond, CallTimeout: 300000 * time.Millisecond,
		DrainTimeout: 300000 * time.Millisecond, RestartWait: 10000 * time.Millisecond, MaxInFlight: 1000,
		MaxResultBytes: 33554432, PingInterval: 30000 * time.Millisecond, PingTimeout: 10000 * time.Millisecond,
		Restart: config.Restart{
			Initial: 250 * time.Millisecond, Max: 30000 * time.Millisecond, MaxFailures: 5,
			Window: 60000 * time.Millisecond, Quarantine: 300000 * time.Millisecond,
		},
	}
	for _, body := range []string{`{"command": "x"}`, `{"command": "x", "gateway": {}}`, `{"command": "x", "gateway": {"restart": {}, "scope": "shared"}}`} {
		if diff := cmp.Diff(want, entry(t, body).Settings); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

func TestParseServers_settings(t *testing.T) {
	got := entry(t, `{"command": "x", "gateway": {"start": "lazy", "startup_timeout_ms": 1, "call_timeout_ms": 100,
	  "drain_timeout_ms": 0, "restart_wait_ms": 0, "idle_stop_ms": 5, "max_in_flight": 7, "max_result_bytes": 2048,
	  "ping_interval_ms": 0, "ping_timeout_ms": 9, "env_pass": ["AWS_*", "X"], "scope": "shared",
	  "restart": {"initial_ms": 10, "max_ms": 10, "max_failures": 0, "window_ms": 12, "quarantine_ms": 13}}}`).Settings
	want := config.Settings{
		Start: config.Lazy, StartupTimeout: time.Millisecond, CallTimeout: 100 * time.Millisecond,
		IdleStop: 5 * time.Millisecond, MaxInFlight: 7, MaxResultBytes: 2048, PingTimeout: 9 * time.Millisecond,
		EnvPass: []string{"AWS_*", "X"}, Restart: config.Restart{
			Initial: 10 * time.Millisecond, Max: 10 * time.Millisecond,
			Window: 12 * time.Millisecond, Quarantine: 13 * time.Millisecond,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseServers_tooLarge_isSaidOfTheFileAsAWhole(t *testing.T) {
	s, problems := config.ParseServers(".mcp.json", make([]byte, config.MaxFileBytes+1))
	if len(problems) != 1 || problems[0].Code != config.CodeTooLarge || problems[0].Line != 0 || len(s.Entries) > 0 {
		t.Errorf("got %v", problems)
	}
	if _, problems := config.ParseDotenv(".env", make([]byte, config.MaxFileBytes+1)); len(problems) != 1 || problems[0].Code != config.CodeTooLarge {
		t.Errorf("got %v", problems)
	}
}

// However many problems there are, errors are never cut in favour of warnings.
func TestParseServers_manyWarnings_doNotHideAnError(t *testing.T) {
	var src strings.Builder
	src.WriteString(`{"mcpServers": {"s": {"command": "x"`)
	for i := range 5000 {
		fmt.Fprintf(&src, `, "qqqqqqqqqqqqqqqq%d": 0`, i)
	}
	src.WriteString(`, "args": 1}}}`)
	s, problems := config.ParseServers(".mcp.json", []byte(src.String()))
	if !config.HasErrors(problems) || len(s.Entries) > 0 {
		t.Error("the error is lost")
	}
	if last := problems[len(problems)-1]; last.Code != config.CodeTooManyProblems || last.Severity != config.Warning || len(problems) > 1100 {
		t.Errorf("%d problems, the last %v", len(problems), last)
	}
}

func TestTemplates_areValidAndWithoutProblems(t *testing.T) {
	s, problems := config.ParseServers(".mcp.json", config.ServersTemplate())
	if len(problems) > 0 {
		t.Error(problemText(problems))
	}
	for _, e := range s.Entries {
		if !e.Disabled {
			t.Errorf("the template would start %q", e.Name)
		}
	}
	rules, problems := config.ParseRules(".mcp-gateway-rules.json", config.RulesTemplate())
	if problems = append(problems, config.CrossCheck(rules, s.Names(), "")...); len(problems) > 0 {
		t.Error(problemText(problems))
	}
}

// What the templates show in comments must be right as well.
func TestTemplates_examplesInComments_areValid(t *testing.T) {
	uncomment := strings.NewReplacer(`    // "`, `    "`, `    //   "`, `      "`, "    // }", "    }")
	s, problems := config.ParseServers(".mcp.json", []byte(uncomment.Replace(string(config.ServersTemplate()))))
	if len(problems) > 0 || len(s.Entries) != 2 {
		t.Errorf("%d entries, %s", len(s.Entries), problemText(problems))
	}
	rules, problems := config.ParseRules("rules.json", []byte(uncomment.Replace(string(config.RulesTemplate()))))
	if problems = append(problems, config.CrossCheck(rules, s.Names(), "")...); len(problems) > 0 || len(rules.Agents) != 2 {
		t.Errorf("%d agents, %s", len(rules.Agents), problemText(problems))
	}
}
