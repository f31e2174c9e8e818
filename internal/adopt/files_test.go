package adopt_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
)

var update = flag.Bool("update", false, "write the golden texts of this package's tests")

var ownPaths = adopt.Paths{Servers: ".mcp.json", Rules: "rules.json", Env: "gatehouse.env", Keyring: "gatehouse.keyring"}

// fileOf is where a test file would be on somebody's machine: what is a project's
// says so in its name.
func fileOf(client *clients.Client, name string) clients.File {
	f := clients.File{Path: "/home/ann/" + name}
	project := strings.HasPrefix(name, "project.") || name == "repo.json" || strings.HasSuffix(name, ".mcp.json") && client.ID == "claude-code"
	if project || strings.HasPrefix(name, "envfile.") {
		f.Base = "/home/ann/w"
	}
	return f
}

func noFile(string) ([]byte, error) { return nil, errors.New("there is none") }

// imported reads one test file, and makes the plan of it.
func imported(t *testing.T, path string) (clients.Found, []byte, adopt.Plan) {
	t.Helper()
	was, ok := imports[path]
	if !ok {
		was = importOf(t, path)
		imports[path] = was
	}
	return was.found, was.data, was.plan
}

// imports are the files that were read before: each test reads them all.
var imports = map[string]outcome{}

type outcome struct {
	found clients.Found
	data  []byte
	plan  adopt.Plan
}

func importOf(t *testing.T, path string) outcome {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(path)
	client, known := clients.Find(filepath.Base(filepath.Dir(path)))
	file := clients.File{Path: "/home/ann/" + name}
	if known {
		file = fileOf(client, name)
	} else {
		client, _ = clients.Detect("/home/ann/"+name, data, clients.Place{Home: "/home/ann", WorkDir: "/home/ann/w", Getenv: func(string) string { return "" }, Glob: func(string, string) []string { return nil }})
	}
	found := client.Read([]clients.Source{{File: file, Data: data}}, noFile)
	plan, err := adopt.Make(ownPaths, adopt.Texts{}, []clients.Found{found}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{found, data, plan}
}

func eachFile(t *testing.T, test func(t *testing.T, path string)) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("testdata/*/.*.json")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range slices.Concat(paths, more) {
		if filepath.Ext(path) == ".want" {
			continue
		}
		n++
		t.Run(strings.TrimPrefix(path, "testdata/"), func(t *testing.T) { test(t, path) })
	}
	if n < 80 {
		t.Errorf("got %d files, want at least 80", n)
	}
}

// golden is all that becomes of a file.
func golden(plan adopt.Plan) string {
	var b strings.Builder
	for _, r := range plan.Rows {
		fmt.Fprintf(&b, "%s: %s; may use it: %s; %s\n", r.Server, r.State, r.Agent, r.What)
	}
	for _, n := range plan.Notes {
		fmt.Fprintf(&b, "%s: %s:%d: %s: %s\n", n.Kind, filepath.Base(n.File), n.Line, n.Server, n.Text)
	}
	for _, c := range plan.Clashes {
		fmt.Fprintf(&b, "differs: %s in %v\n", c.Server, c.Fields)
	}
	if len(plan.Unset) > 0 {
		fmt.Fprintf(&b, "unset: %s\n", strings.Join(plan.Unset, ", "))
	}
	for _, text := range [][]byte{plan.After.Env, plan.After.Servers, plan.After.Rules} {
		if text != nil {
			fmt.Fprintf(&b, "\n%s", text)
		}
	}
	return b.String()
}

func TestFiles_ofEachClient_becomeWhatTheGoldenTextsSay(t *testing.T) {
	eachFile(t, func(t *testing.T, path string) {
		_, _, plan := imported(t, path)
		got, want := golden(plan), path+".want"
		if *update {
			if err := os.WriteFile(want, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
		text, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(text) {
			t.Errorf("got\n%s\nwant\n%s", got, text)
		}
	})
}

func TestFiles_nothingIsLostWithoutAWord(t *testing.T) {
	eachFile(t, func(t *testing.T, path string) {
		found, data, plan := imported(t, path)
		for _, s := range found.Servers {
			if !slices.ContainsFunc(plan.Rows, func(r adopt.Row) bool { return r.Server == s.Name }) {
				t.Errorf("the server %q is in no row, want one", s.Name)
			}
		}
		said := golden(plan)
		doc, _ := clients.Document(path, data)
		if doc == nil {
			if len(plan.Notes) == 0 {
				t.Error("got no note of a file that cannot be read, want one")
			}
			return
		}
		walk(doc.Root, func(key string, n *jsondoc.Node) {
			if entryKey(key) && n.Kind == jsondoc.KindString && n.Text() != "" && !strings.Contains(said, keyOrValue(key, n.Text())) && !accounted(said, key, n.Text()) {
				t.Errorf("%s: %q: got neither it nor a note in\n%s", key, n.Text(), said)
			}
		})
	})
}

// entryKey reports whether a key of an entry decides what runs.
func entryKey(key string) bool {
	return slices.Contains([]string{"command", "cmd", "url", "uri", "serverUrl", "httpUrl", "cwd", "description"}, key)
}

// keyOrValue is the beginning of a value, before what may have become a variable.
func keyOrValue(_, text string) string {
	if i := strings.IndexAny(text, "$?@{"); i > 0 {
		text = text[:i]
	}
	text = strings.ReplaceAll(text, `\`, `\\`)
	return strings.TrimPrefix(strings.TrimSuffix(text, "/"), "./")[:min(12, len(strings.TrimPrefix(strings.TrimSuffix(text, "/"), "./")))]
}

// accounted reports whether a value is left out with its server, or named by its
// key.
func accounted(said, key, _ string) bool {
	return strings.Contains(said, "left out") || strings.Contains(said, key)
}

func walk(n *jsondoc.Node, visit func(key string, n *jsondoc.Node)) {
	for _, e := range n.Elements() {
		walk(e, visit)
	}
	for _, m := range n.Members() {
		visit(m.Key, m.Value)
		walk(m.Value, visit)
	}
}

func TestFiles_everyKeyOfAnEntry_isCarriedOverOrNamed(t *testing.T) {
	carried := []string{
		"command", "cmd", "args", "arguments", "env", "environment", "envs", "env_keys", "env_vars", "envFile", "cwd", "url", "uri", "serverUrl",
		"httpUrl", "headers", "http_headers", "env_http_headers", "bearer_token_env_var", "type", "transport", "transportType", "description",
		"disabled", "enabled", "isActive", "disabledTools", "disabled_tools", "excludeTools", "enabled_tools", "includeTools", "allowedTools",
		"available_tools", "onlyAllow", "tools", "toolFilter", "timeout", "startup_timeout_sec", "startup_timeout_ms", "tool_timeout_sec",
		"connectionTimeout", "requestTimeout", "options", "requestOptions", "requestInit", "name", "id", "oauth",
	}
	eachFile(t, func(t *testing.T, path string) {
		_, data, plan := imported(t, path)
		doc, _ := clients.Document(path, data)
		if doc == nil {
			return
		}
		walk(doc.Root, func(key string, n *jsondoc.Node) {
			if !slices.Contains([]string{"mcpServers", "servers", "context_servers", "mcp_servers", "extensions"}, key) {
				return
			}
			for _, entry := range n.Members() {
				for _, m := range entry.Value.Members() {
					named := slices.ContainsFunc(plan.Notes, func(note clients.Note) bool { return strings.Contains(note.Text, m.Key) || note.Kind == clients.Left })
					if !slices.Contains(carried, m.Key) && m.Value.Kind != jsondoc.KindNull && !named && path != "testdata/codex/plugins.toml" {
						t.Errorf("%s.%s is neither carried over nor named in %v, want one of both", entry.Key, m.Key, plan.Notes)
					}
				}
			}
		})
	})
}

func TestFiles_noSecretIsLeftWhereOthersCanRead(t *testing.T) {
	eachFile(t, func(t *testing.T, path string) {
		_, _, plan := imported(t, path)
		var shown strings.Builder
		for _, r := range plan.Rows {
			shown.WriteString(r.What + "\n")
		}
		for _, n := range plan.Notes {
			shown.WriteString(n.Text + "\n")
		}
		for what, text := range map[string]string{"servers": string(plan.After.Servers), "rules": string(plan.After.Rules), "what is shown": shown.String()} {
			if kind := redact.Known(text); kind != "" || strings.Contains(text, "not-a-real") || strings.Contains(text, "not_a_real") || strings.Contains(text, "notareal") {
				t.Errorf("%s: got a secret %s in\n%s\nwant none", what, kind, text)
			}
		}
		file, problems := serversfile.Parse("f", plan.After.Servers)
		if plan.After.Servers != nil && jsondoc.HasErrors(problems) {
			t.Fatalf("got %v, want a file without errors", problems)
		}
		for _, e := range file.Entries {
			for name, value := range e.Env {
				if value != "" && vars.WithPlaceholders(value, "") == value {
					t.Errorf("%s: env.%s is a literal value, want a variable", e.Name, name)
				}
			}
			for name, value := range e.Headers {
				if value != "" && vars.WithPlaceholders(value, "") == value {
					t.Errorf("%s: the header %s is a literal value, want a variable", e.Name, name)
				}
			}
		}
		if values, problems := vars.ParseDotenv("f", plan.After.Env); len(problems) > 0 || len(values) != len(plan.Variables) {
			t.Errorf("got %d variables, %v; want %d", len(values), problems, len(plan.Variables))
		}
	})
}

// What a list of an entry forbids is denied by the rules, whoever wrote it how.
func TestFiles_noRestrictionIsDropped(t *testing.T) {
	denies := []string{"disabledTools", "disabled_tools", "excludeTools"}
	allows := []string{"enabled_tools", "enabledTools", "includeTools", "available_tools", "onlyAllow"}
	checked := 0
	eachFile(t, func(t *testing.T, path string) {
		found, data, plan := imported(t, path)
		doc, _ := clients.Document(path, data)
		if doc == nil || found.Client.Agentless {
			return
		}
		rules, _ := rulesfile.ParseRules("f", plan.After.Rules)
		decider := policy.Compile(rules)
		may := func(server, tool string) bool { return decider.Decide(found.Client.ID, server, tool).Allow }
		walk(doc.Root, func(key string, n *jsondoc.Node) {
			if !slices.Contains([]string{"mcpServers", "servers", "context_servers", "mcp_servers", "extensions", "mcp"}, key) {
				return
			}
			for _, entry := range n.Members() {
				for _, m := range entry.Value.Members() {
					for _, e := range m.Value.Elements() {
						name, _, _ := strings.Cut(e.Text(), "(")
						if slices.Contains(denies, m.Key) {
							checked++
							if may(entry.Key, strings.NewReplacer("*", "x", "?", "y", "[12]", "1").Replace(name)) {
								t.Errorf("%s: %s may be used, and %s forbids it; want it denied", entry.Key, name, m.Key)
							}
						}
					}
					if slices.Contains(allows, m.Key) && (len(m.Value.Elements()) > 0 || found.Client.ID != "goose") {
						checked++
						if may(entry.Key, "some_other_tool") {
							t.Errorf("%s: a tool may be used that %s does not allow; want it denied", entry.Key, m.Key)
						}
					}
				}
				if off := entry.Value.Member("disabled"); off != nil && off.Text() == "true" {
					checked++
					if file, _ := serversfile.Parse("f", plan.After.Servers); !slices.ContainsFunc(file.Entries, func(e serversfile.Entry) bool { return e.Name == entry.Key && e.Disabled }) {
						t.Errorf("%s is switched on, want it to stay off", entry.Key)
					}
				}
			}
		})
	})
	if checked < 20 {
		t.Errorf("looked at %d restrictions, want more: this test looks for something else", checked)
	}
}
