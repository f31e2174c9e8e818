package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/adopt"
)

// homeFile writes a file below a home.
func homeFile(t *testing.T, home, name, text string) string {
	t.Helper()
	path := filepath.Join(home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readText reads a file that must be there.
func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// clientHome is a home with a few clients' files.
func clientHome(t *testing.T) (home string) {
	t.Helper()
	home, _ = freshHome(t)
	for _, name := range []string{"CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "CONTINUE_GLOBAL_DIR", "APPDATA"} {
		t.Setenv(name, "")
	}
	homeFile(t, home, ".claude.json", `{"mcpServers": {"files": {"command": "npx", "args": ["-y", "files@1.0.0"], "env": {"FILES_TOKEN": "s3cret-value"}}}}`)
	homeFile(t, home, ".claude/settings.json", `{"permissions": {"deny": ["mcp__files__rm"]}}`)
	homeFile(t, home, ".codex/config.toml", "[mcp_servers.files]\ncommand = \"npx\"\nargs = [\"-y\", \"files@1.0.0\"]\nenv = { FILES_TOKEN = \"s3cret-value\" }\nenabled_tools = [\"ls\"]\n")
	homeFile(t, home, ".config/goose/config.yaml", "extensions:\n  web: {type: sse, uri: 'https://h.example.com/sse', enabled: no}\n")
	return home
}

func TestImport_showsAndThenWrites(t *testing.T) {
	home := clientHome(t)
	dir := filepath.Join(home, ".config", "gatehouse")
	r := atHome(t, "import").want(t, exitFine, "SERVER", "files", "claude-code", "codex", "never rm", "only ls", "FILES_TOKEN", "Nothing has been written yet")
	if _, err := os.Stat(dir); err == nil {
		t.Error("got a config folder, want none before --write")
	}
	if strings.Contains(r.out, "s3cret") {
		t.Errorf("got a secret in\n%s\nwant none", r.out)
	}
	atHome(t, "import", "--write").want(t, exitFine, "wrote "+filepath.Join(dir, ".mcp.json"), "connect")
	for _, name := range []string{".mcp.json", ".mcp-gateway-rules.json", "gatehouse.env"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: got mode %o, want one for its owner alone", name, info.Mode().Perm())
		}
	}
	if text := readText(t, filepath.Join(dir, ".mcp.json")); strings.Contains(text, "s3cret") || strings.Count(text, `"files"`) != 1 {
		t.Errorf("got\n%s\nwant one entry, and no secret", text)
	}
	if text := readText(t, filepath.Join(dir, "gatehouse.env")); !strings.Contains(text, `FILES_TOKEN="s3cret-value"`) {
		t.Errorf("got\n%s\nwant the secret", text)
	}
	if r := atHome(t, "validate").want(t, exitFine, "0 errors"); strings.Contains(r.out, "server-misconfigured") {
		t.Errorf("got\n%s\nwant no server that lacks a variable", r.out)
	}
	atHome(t, "import", "--write").want(t, exitFine, "nothing new to write")
	for question, want := range map[string]int{"claude-code files ls": exitFine, "claude-code files rm": exitNo, "codex files ls": exitFine, "codex files rm": exitNo, "goose files ls": exitNo} {
		if got := atHome(t, append([]string{"explain"}, strings.Fields(question)...)...).code; got != want {
			t.Errorf("explain %s: got %d, want %d", question, got, want)
		}
	}
}

func TestImport_fromOneProgramOrFile(t *testing.T) {
	home := clientHome(t)
	for _, from := range []string{"goose", filepath.Join(home, ".config/goose/config.yaml")} {
		r := atHome(t, "import", "--from", from).want(t, exitFine, "web", "goose")
		if strings.Contains(r.out, "files") {
			t.Errorf("%s: got\n%s\nwant its servers alone", from, r.out)
		}
	}
	atHome(t, "import", "--from", homeFile(t, home, "x/mcp.json", `{"servers": {"v": {"command": "v", "args": ["${input:k}"]}}, "inputs": [{"id": "k"}]}`)).
		want(t, exitFine, "VS Code", "INPUT_K")
	atHome(t, "import", "--from", "zed").want(t, exitNo, "Zed has no configuration here", "settings.json")
	atHome(t, "import", "--from", "nobody").want(t, exitNo, "neither a program nor a file", "codex")
}

func TestImport_serversThatDiffer_areSaidAndNotWritten(t *testing.T) {
	home := clientHome(t)
	homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"files": {"command": "other"}, "fine": {"command": "f"}}}`)
	atHome(t, "import", "--write").want(t, exitNo, "several servers files, which differ in args, command, env.FILES_TOKEN", "none is written")
	text := readText(t, filepath.Join(home, ".config/gatehouse/.mcp.json"))
	if strings.Contains(text, `"files"`) || !strings.Contains(text, `"fine"`) {
		t.Errorf("got\n%s\nwant fine, and not files", text)
	}
}

// A person with five programs has the same dozen servers in each.
func TestImport_aServerOfManyPrograms_isOneLine(t *testing.T) {
	home := clientHome(t)
	for _, name := range []string{".cursor/mcp.json", ".lmstudio/mcp.json", ".codeium/windsurf/mcp_config.json"} {
		homeFile(t, home, name, `{"mcpServers": {"shared": {"command": "s"}}}`)
	}
	homeFile(t, home, ".gemini/settings.json", `{"mcpServers": {"shared": {"command": "s"}}, "mcp": {"excluded": ["shared"]}}`)
	homeFile(t, home, ".aws/amazonq/mcp.json", `{"mcpServers": {"off": {"command": "o", "disabled": true}}}`)
	r := atHome(t, "import").want(t, exitFine)
	for _, want := range []string{
		`\nshared +4 programs +new +cursor, windsurf, lmstudio +s\n`,
		`\noff +Amazon Q +new, off +`,
	} {
		if !regexp.MustCompile(want).MatchString(r.out) {
			t.Errorf("got\n%s\nwant a line %q", r.out, want)
		}
	}
}

// Once the gateway has a server, the one that differs is in the way of nobody else.
func TestImport_aServerThatDiffersFromTheGateways_isSaidForItsProgramOnly(t *testing.T) {
	home := clientHome(t)
	atHome(t, "import", "--write").want(t, exitFine)
	homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"files": {"command": "other"}}}`)
	r := atHome(t, "import").want(t, exitNo, "several servers files, which differ in", "the first stays as it is:\n  gatehouse, ", "In a terminal, import asks which one counts.")
	for _, want := range []string{`\nfiles +Cursor +conflict +nobody +other\n`, `\nfiles +.* +same +[a-z]`} {
		if !regexp.MustCompile(want).MatchString(r.out) {
			t.Errorf("got\n%s\nwant a line %q", r.out, want)
		}
	}
}

func TestImport_asksWhichOfSeveralCounts(t *testing.T) {
	c := adopt.Clash{Server: "a\x1b", Fields: []string{"args"}, Choices: []adopt.Choice{{From: "cursor", What: "x"}, {From: "codex", What: "y"}}}
	for answer, want := range map[string]int{"1\n": 0, "2\n": 1, "0\n": adopt.Nobody} {
		var out strings.Builder
		if got, err := choose(strings.NewReader(answer), &out, c); err != nil || got != want || !strings.Contains(out.String(), "Codex") {
			t.Errorf("%q: got %d, %v, %s; want %d", answer, got, err, out.String(), want)
		}
	}
	for _, answer := range []string{"", "3\n", "-1\n", "x\n"} {
		if got, err := choose(strings.NewReader(answer), io.Discard, c); err == nil {
			t.Errorf("%q: got %d, want an error", answer, got)
		}
	}
}

func TestImport_asJSON(t *testing.T) {
	clientHome(t)
	var out struct {
		Files     []struct{ Client, Path string }
		Servers   []struct{ Server, Client, State, Agent string }
		Notes     []struct{ Kind, Text string }
		Conflicts []any
		Variables []string
		Written   []string
	}
	r := atHome(t, "import", "--json").want(t, exitFine)
	if err := json.Unmarshal([]byte(r.out), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Files) != 4 || len(out.Servers) != 3 || len(out.Notes) == 0 || out.Conflicts == nil || !slices.Equal(out.Variables, []string{"FILES_TOKEN"}) || len(out.Written) != 0 {
		t.Errorf("got %+v, want four files, three servers, one variable", out)
	}
}

// Some clients keep all they have ever done in one file.
func TestImport_readsAFileOfManyMegabytes(t *testing.T) {
	home := clientHome(t)
	var history strings.Builder
	for range 2_000 {
		history.WriteString(`{"display": "` + strings.Repeat("what somebody has pasted, again and again ", 70) + `", "n": 1},`)
	}
	homeFile(t, home, ".claude.json", `{"history": [`+strings.TrimSuffix(history.String(), ",")+`], "mcpServers": {"big": {"command": "b"}}}`)
	atHome(t, "import", "--from", "claude-code").want(t, exitFine, "big")
}

func TestImport_whatIsInTheWay_isSaid(t *testing.T) {
	home := clientHome(t)
	homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {`)
	homeFile(t, home, ".lmstudio/mcp.json/x", "")
	r := atHome(t, "import").want(t, exitNo, "cannot read", "a directory", "the file ends too early", "files")
	if strings.Contains(r.out, "panic") {
		t.Errorf("got %s, want no panic", r.out)
	}
	configFile(t, home, ".mcp.json", `{"mcpServers": []}`)
	atHome(t, "import", "--write").want(t, exitNo, "fix it first")
	if text := readText(t, filepath.Join(home, ".config/gatehouse/.mcp.json")); text != `{"mcpServers": []}` {
		t.Errorf("got %s, want the file as it was", text)
	}
}
