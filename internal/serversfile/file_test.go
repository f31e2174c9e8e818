package serversfile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/restart"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

func TestParse_readsAnEntryAsWritten(t *testing.T) {
	got := problemtest.Servers(t, `{"mcpServers": {
	  "files":  {"command": "npx", "args": ["-y", "x", "${A}"], "type": "stdio",
	             "env": {"TOKEN": "${FILES_TOKEN}"}, "envFile": "~/f.env", "cwd": "/srv", "description": "Project files"},
	  "remote": {"url": "https://example.com/mcp", "headers": {"Authorization": "Bearer ${API_TOKEN:-none}"}, "disabled": true},
	}}`).Entries
	want := []serversfile.Entry{
		{
			Name: "files", Transport: serversfile.Stdio, Command: "npx", Args: []string{"-y", "x", "${A}"},
			Env: map[string]string{"TOKEN": "${FILES_TOKEN}"}, EnvFile: "~/f.env", Cwd: "/srv", Description: "Project files",
			Settings: serversfile.DefaultSettings(),
		},
		{
			Name: "remote", Transport: serversfile.Auto, URL: "https://example.com/mcp",
			Headers: map[string]string{"Authorization": "Bearer ${API_TOKEN:-none}"}, Disabled: true,
			Settings: serversfile.DefaultSettings(),
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(serversfile.Entry{}, "Pos")); diff != "" {
		t.Error(diff)
	}
	if got[1].Pos.Line != 4 || got[1].Pos.Column != 4 || got[1].Pos.File != ".mcp.json" {
		t.Errorf("got position %+v, want line 4, column 4 of .mcp.json", got[1].Pos)
	}
}

func TestParse_lookups(t *testing.T) {
	src := `{"mcpServers": {"b": {"command": "x"}, "a": {"command": "y"}}}`
	s := problemtest.Servers(t, src)
	if diff := cmp.Diff([]string{"a", "b"}, s.Names()); diff != "" {
		t.Error(diff)
	}
	if e, ok := s.Entry("a"); !ok || e.Command != "y" {
		t.Errorf("got %+v, %v, want the command y", e, ok)
	}
	if _, ok := s.Entry("A"); ok {
		t.Error("names are case-sensitive")
	}
	if len(s.Hash) != 64 || s.Hash == problemtest.Servers(t, src+" ").Hash || s.Hash != problemtest.Servers(t, src).Hash {
		t.Errorf("the hash is not one of the bytes: %s", s.Hash)
	}
}

func TestParse_anEmptyObjectIsFine(t *testing.T) {
	if got := problemtest.Servers(t, `{"mcpServers": {}}`).Entries; len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
}

func TestParse_transports(t *testing.T) {
	cases := map[string]struct {
		body string
		want serversfile.Transport
	}{
		"a command is stdio":                 {`{"command": "x"}`, serversfile.Stdio},
		"stdio may be said":                  {`{"command": "x", "type": "stdio", "transport": "stdio"}`, serversfile.Stdio},
		"a url without a type is tried":      {`{"url": "http://h"}`, serversfile.Auto},
		"http":                               {`{"url": "http://h", "type": "http"}`, serversfile.HTTP},
		"streamable-http":                    {`{"url": "http://h", "transport": "streamable-http"}`, serversfile.HTTP},
		"streamableHttp":                     {`{"url": "http://h", "type": "streamableHttp"}`, serversfile.HTTP},
		"streamable_http":                    {`{"type": "streamable_http", "url": "http://h"}`, serversfile.HTTP},
		"sse":                                {`{"url": "http://h", "type": "sse"}`, serversfile.SSE},
		"two spellings of one kind agree":    {`{"url": "http://h", "type": "http", "transport": "streamable-http"}`, serversfile.HTTP},
		"a url may begin with a variable":    {`{"url": "${BASE}/mcp", "type": "sse"}`, serversfile.SSE},
		"a url may have a variable as port":  {`{"url": "https://h:${PORT}/mcp"}`, serversfile.Auto},
		"a scheme may have capital letters":  {`{"url": "HTTPS://h/mcp"}`, serversfile.Auto},
		"a literal ${ in a url is no varia.": {`{"url": "https://h/mcp?x=$${y"}`, serversfile.Auto},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := problemtest.Entry(t, c.body).Transport; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestParse_names(t *testing.T) {
	accepted := func(name string) bool {
		src, err := json.Marshal(map[string]any{"mcpServers": map[string]any{name: map[string]any{"command": "x"}}})
		if err != nil {
			t.Fatal(err)
		}
		_, problems := serversfile.Parse(".mcp.json", src)
		return len(problems) == 0
	}
	for _, name := range []string{"a", "x y", "日本語", "a.b/c:d", "$&'", strings.Repeat("x", 128), "…"} {
		if !accepted(name) {
			t.Errorf("%q is refused, want it accepted", name)
		}
	}
	for _, name := range []string{"", "*", "a?", "[a", "a]", "a\tb", "a\x7f", "a\u200b", strings.Repeat("é", 65)} {
		if accepted(name) {
			t.Errorf("%q is accepted, want it refused", name)
		}
	}
}

func TestParse_defaultSettings_areThoseOfTheContract(t *testing.T) {
	want := serversfile.Settings{
		StartupTimeout: 60000 * time.Millisecond, CallTimeout: 300000 * time.Millisecond,
		DrainTimeout: 300000 * time.Millisecond, RestartWait: 10000 * time.Millisecond, MaxInFlight: 1000,
		MaxRequestBytes: 4194304, MaxResultBytes: 33554432, PingInterval: 30000 * time.Millisecond, PingTimeout: 10000 * time.Millisecond,
		Scope: serversfile.ScopeShared, MaxInstances: 16,
		Restart: restart.Policy{
			Initial: 250 * time.Millisecond, Max: 30000 * time.Millisecond, MaxFailures: 5,
			Window: 60000 * time.Millisecond, Quarantine: 300000 * time.Millisecond,
		},
	}
	for _, body := range []string{`{"command": "x"}`, `{"command": "x", "gateway": {}}`, `{"command": "x", "gateway": {"restart": {}, "scope": "shared"}}`} {
		if diff := cmp.Diff(want, problemtest.Entry(t, body).Settings); diff != "" {
			t.Errorf("%s: want no difference, got %s", body, diff)
		}
	}
}

func TestParse_settings(t *testing.T) {
	got := problemtest.Entry(t, `{"command": "x", "gateway": {"start": "lazy", "startup_timeout_ms": 1, "call_timeout_ms": 100,
	  "drain_timeout_ms": 0, "restart_wait_ms": 0, "idle_stop_ms": 5, "max_in_flight": 7, "max_request_bytes": 4096, "max_result_bytes": 2048,
	  "ping_interval_ms": 0, "ping_timeout_ms": 9, "env_pass": ["AWS_*", "X"], "scope": "agent", "max_instances": 3,
	  "restart": {"initial_ms": 10, "max_ms": 10, "max_failures": 0, "window_ms": 12, "quarantine_ms": 13}}}`).Settings
	want := serversfile.Settings{
		Start: serversfile.Lazy, StartupTimeout: time.Millisecond, CallTimeout: 100 * time.Millisecond,
		IdleStop: 5 * time.Millisecond, MaxInFlight: 7, MaxRequestBytes: 4096, MaxResultBytes: 2048, PingTimeout: 9 * time.Millisecond,
		Scope: serversfile.ScopeAgent, MaxInstances: 3,
		EnvPass: []string{"AWS_*", "X"}, Restart: restart.Policy{
			Initial: 10 * time.Millisecond, Max: 10 * time.Millisecond,
			Window: 12 * time.Millisecond, Quarantine: 13 * time.Millisecond,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParse_single_isWhatAProcessIsUnlessItSaysOtherwise(t *testing.T) {
	for body, want := range map[string]bool{
		`{"command": "x"}`: true,
		`{"command": "x", "gateway": {"single": false}}`:                                  false,
		`{"command": "x", "gateway": {"single": true}}`:                                   true,
		`{"url": "https://example.com/mcp"}`:                                              false,
		`{"url": "https://example.com/mcp", "type": "http", "gateway": {"single": true}}`: true,
	} {
		if got := problemtest.Entry(t, body).RunsOnce(); got != want {
			t.Errorf("%s: got %t, want %t", body, got, want)
		}
	}
}

func TestParse_tooLarge_isSaidOfTheFileAsAWhole(t *testing.T) {
	s, problems := serversfile.Parse(".mcp.json", make([]byte, jsondoc.MaxFileBytes+1))
	if len(problems) != 1 || problems[0].Code != "file-too-large" || problems[0].Line != 0 || len(s.Entries) > 0 {
		t.Errorf("got %v, want file-too-large alone", problems)
	}
}

// However many problems there are, errors are never cut in favour of warnings.
func TestParse_manyWarnings_doNotHideAnError(t *testing.T) {
	var src strings.Builder
	src.WriteString(`{"mcpServers": {"s": {"command": "x"`)
	for i := range 5000 {
		fmt.Fprintf(&src, `, "qqqqqqqqqqqqqqqq%d": 0`, i)
	}
	src.WriteString(`, "args": 1}}}`)
	s, problems := serversfile.Parse(".mcp.json", []byte(src.String()))
	if !jsondoc.HasErrors(problems) || len(s.Entries) > 0 {
		t.Error("the error is lost")
	}
	if last := problems[len(problems)-1]; last.Code != "too-many-problems" || last.Severity != jsondoc.Warning || len(problems) > 1100 {
		t.Errorf("%d problems, the last %v, want 1100 at most, the last too-many-problems", len(problems), last)
	}
}

// Programs that write these files write null for what is not set.
func TestParse_aKeyThatIsNull_isAsGoodAsAbsent(t *testing.T) {
	for body, like := range map[string]string{
		`{"command": "x", "url": null, "headers": null, "type": null}`:                                                      `{"command": "x"}`,
		`{"command": null, "args": null, "env": null, "cwd": null, "envFile": null, "url": "http://h", "transport": "sse"}`: `{"url": "http://h", "type": "sse"}`,
		`{"command": "x", "description": null, "disabled": null, "gateway": null}`:                                          `{"command": "x"}`,
	} {
		if diff := cmp.Diff(problemtest.Entry(t, like), problemtest.Entry(t, body), cmpopts.IgnoreFields(serversfile.Entry{}, "Pos")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestParse_scopeAgent_idlesAfterFiveMinutesUnlessItSaysOtherwise(t *testing.T) {
	for settings, want := range map[string]time.Duration{
		`{"scope": "agent"}`:                       5 * time.Minute,
		`{"scope": "agent", "idle_stop_ms": 0}`:    0,
		`{"idle_stop_ms": 7000, "scope": "agent"}`: 7 * time.Second,
		`{"scope": "shared"}`:                      0,
	} {
		if got := problemtest.Entry(t, `{"command": "x", "gateway": `+settings+`}`).Settings.IdleStop; got != want {
			t.Errorf("%s: idle_stop_ms is %v, want %v", settings, got, want)
		}
	}
}
