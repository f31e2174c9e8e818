package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/clients"
)

// connectedHome is a home in which every program has an agent.
func connectedHome(t *testing.T) (home string) {
	t.Helper()
	home = clientHome(t)
	var rules strings.Builder
	rules.WriteString(`{"agents": {`)
	for i, id := range clients.IDs() {
		if i > 0 {
			rules.WriteString(", ")
		}
		rules.WriteString(`"` + id + `": {}`)
	}
	configFile(t, home, ".mcp-gateway-rules.json", rules.String()+"}}")
	return home
}

// fileOf is the configuration that connect writes.
func fileOf(t *testing.T, c *clients.Client) string {
	t.Helper()
	place, err := clientPlace()
	if err != nil {
		t.Fatal(err)
	}
	return c.ConnectFile(place, exists)
}

// inFormat is a configuration with a comment, an entry and odd spaces, in the
// format of a client's file.
func inFormat(c *clients.Client, path string) string {
	switch keys := strings.Join(c.Keys(), "."); {
	case filepath.Ext(path) == ".toml":
		return "# mine\nmodel   = \"x\" # y\n\n[" + keys + ".other]\ncommand = 'o'\n\n# the end\n"
	case filepath.Ext(path) == ".yaml" && c.ID == "continue":
		return "# mine\nname:   l\n" + keys + ":\n  - name: other # y\n    command: o\n\n# the end\n"
	case filepath.Ext(path) == ".yaml":
		return "# mine\n" + keys + ":\n    other: # y\n        cmd: o\n\nGOOSE_MODEL:  x\n"
	default:
		return "// mine\r\n{\r\n\t\"" + keys + "\": {\r\n\t\t\"other\": {\"command\":   \"o\"} // y\r\n\t},\r\n\t\"z\": [1,2]\r\n}\r\n"
	}
}

// A page in the docs, and what import reads again, are tested by what is written
// here.
func TestConnect_eachProgram_andBack_byteForByte(t *testing.T) {
	for _, c := range clients.All() {
		if !c.CanConnect() {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			home := connectedHome(t)
			path := fileOf(t, c)
			before := inFormat(c, path)
			homeFile(t, home, strings.TrimPrefix(path, home), before)
			atHome(t, "connect", c.ID).want(t, exitFine, c.Title, path, "gatehouse disconnect "+c.ID)
			got := readText(t, path)
			for l := range strings.Lines(before) {
				if text := strings.TrimRight(l, "\r\n"); !strings.Contains(got, text) && !strings.Contains(got, strings.Replace(text, "} // y", "}, // y", 1)) {
					t.Errorf("%q is gone from\n%s\nwant it to stay", text, got)
				}
			}
			found := c.Read([]clients.Source{{File: clients.File{Path: path}, Data: []byte(got)}}, nil)
			if len(found.Servers) != 2 || found.Servers[1].Name != "gatehouse" || found.Servers[1].LeftOut == "" {
				t.Errorf("got %d servers in\n%s\nwant the other one, and gatehouse itself", len(found.Servers), got)
			}
			if command, _ := found.Servers[1].Command.Plain(); !filepath.IsAbs(command) || len(found.Servers[1].Args) < 3 || found.Servers[1].Args[2].String() != c.ID {
				t.Errorf("got %q %v, want attach by an absolute path, for agent %s", command, found.Servers[1].Args, c.ID)
			}
			atHome(t, "connect", c.ID).want(t, exitFine, "connected already")
			atHome(t, "disconnect", c.ID).want(t, exitFine, "as it was")
			if again := readText(t, path); again != before {
				t.Errorf("got\n%q\nwant the old bytes\n%q", again, before)
			}
			atHome(t, "disconnect", c.ID).want(t, exitNo, "not connected")
		})
	}
}

func TestConnect_whereThereIsNoFile_makesOneAndTakesItAway(t *testing.T) {
	for _, c := range clients.All() {
		if !c.CanConnect() {
			continue
		}
		connectedHome(t)
		path := fileOf(t, c)
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		atHome(t, "connect", c.ID).want(t, exitFine, path)
		if text := readText(t, path); !strings.Contains(text, "attach") {
			t.Errorf("%s: got\n%s\nwant the entry", c.ID, text)
		}
		atHome(t, "disconnect", c.ID).want(t, exitFine, "as it was")
		if exists(path) {
			t.Errorf("%s: got %s, want no file: there was none", c.ID, path)
		}
	}
}

const cursorFile = `{
  // mine
  "mcpServers": {
    "files": {"command": "npx", "args": ["-y", "files@1.0.0"], "env": {"T": "s3cret-value"}},
    // not in the gateway
    "own": {"command": "own"},
    "closed": {"command": "c"}
  }
}
`

func TestConnect_aProgramThatDoesNotExist_namesThoseProbablyMeant(t *testing.T) {
	clientHome(t)
	for name, want := range map[string]string{
		"cusor":  `there is no program "cusor" to connect; did you mean cursor?`,
		"claude": `there is no program "claude" to connect; did you mean claude-code or claude-desktop?`,
	} {
		for _, command := range []string{"connect", "disconnect"} {
			atHome(t, command, name).want(t, exitNo, want, "programs: claude-code, ")
		}
	}
	if r := atHome(t, "connect", "xyzzy").want(t, exitNo, `there is no program "xyzzy"`); strings.Contains(r.err, "did you mean") {
		t.Errorf("got %q, want no suggestion", r.err)
	}
}

func TestConnect_replace_takesOutWhatTheGatewayHasAndTheAgentMayUse(t *testing.T) {
	home := clientHome(t)
	path := homeFile(t, home, ".cursor/mcp.json", cursorFile)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	// The gateway loses one of them, and the agent may not use another.
	servers := filepath.Join(home, ".config/gatehouse/.mcp.json")
	if err := os.WriteFile(servers, []byte(strings.Replace(readText(t, servers), `"own"`, `"renamed"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(home, ".config/gatehouse/.mcp-gateway-rules.json")
	if err := os.WriteFile(rules, []byte(strings.Replace(readText(t, rules), `"closed", `, "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := atHome(t, "connect", "cursor", "--replace", "--dry-run").want(t, exitFine, `-    "files"`, `+    "gatehouse"`, "--- "+path)
	if strings.Contains(r.out, "s3cret") || readText(t, path) != cursorFile {
		t.Errorf("got\n%s\nwant no secret, and nothing changed", r.out)
	}
	r = atHome(t, "connect", "cursor", "--replace").want(t, exitFine, "removed files")
	text := readText(t, path)
	if strings.Contains(text, `"files"`) || !strings.Contains(text, `"own"`) || !strings.Contains(text, `"closed"`) || !strings.Contains(text, "// mine") || strings.Contains(r.out, "removed own") {
		t.Errorf("got\n%s\nwant files taken out, and nothing else", text)
	}
	// Somebody changes the file: then only the entry goes, and what was taken out returns.
	if err := os.WriteFile(path, []byte(strings.Replace(text, "// mine", "// changed", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	atHome(t, "disconnect", "cursor").want(t, exitFine, "is as it was, but for what has changed meanwhile, in "+path)
	text = readText(t, path)
	if !strings.Contains(text, "// changed") || !strings.Contains(text, `"files"`) || !strings.Contains(text, "s3cret-value") || strings.Contains(text, "attach") {
		t.Errorf("got\n%s\nwant the change, files, and no gatehouse", text)
	}
	configFile(t, home, "x", "") // The config folder is still there.
	for _, name := range []string{"cursor.json", "cursor.backup"} {
		if exists(filepath.Join(home, ".local/state/gatehouse/connections", name)) {
			t.Errorf("got %s, want nothing kept of a connection that has ended", name)
		}
	}
}

// Each server that --replace leaves has a reason, and none returns without a word.
func TestConnect_replace_saysWhatStaysAndWhy_andWhatReturns(t *testing.T) {
	home := clientHome(t)
	path := homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"files": {"command": "npx", "args": ["-y", "files@1.0.0"], "env": {"FILES_TOKEN": "s3cret-value"}},
		"own": {"command": "own"}, "odd [1]": {"command": "odd"}, "closed": {"command": "c"}, "late": {"command": "l"}, "none": {}}}`)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	servers, rules := filepath.Join(home, ".config/gatehouse/.mcp.json"), filepath.Join(home, ".config/gatehouse/.mcp-gateway-rules.json")
	replaceIn(t, servers, `"own"`, `"renamed"`)
	replaceIn(t, servers, `"l"`, `"other"`)
	replaceIn(t, rules, `"closed", `, "")
	atHome(t, "connect", "cursor", "--replace").want(t, exitFine,
		"removed files, odd [1]: now behind the gateway",
		`left own: the gateway does not have it ("gatehouse import --from cursor --write" takes it over)`,
		"left closed: agent cursor may not use it",
		"left late: the gateway has another one of that name: rename or remove it here",
		`left none: the gateway cannot take it over ("gatehouse import" says why)`)
	if text := readText(t, path); strings.Contains(text, "odd") || !strings.Contains(text, `"late"`) {
		t.Errorf("got\n%s\nwant the server with the odd name taken out, and the others there", text)
	}
	atHome(t, "connect", "cursor").want(t, exitFine, "put back files, odd [1]: without --replace, Cursor starts them itself")
}

// Of a name that is there twice, programs take the last: both must go.
func TestConnect_replace_aNameThatIsThereTwice(t *testing.T) {
	home := clientHome(t)
	text := `{"mcpServers": {"two": {"command": "first"}, "two": {"command": "second"}}}`
	path := homeFile(t, home, ".cursor/mcp.json", text)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	atHome(t, "connect", "cursor", "--replace").want(t, exitFine, "removed two")
	if got := readText(t, path); strings.Contains(got, "two") {
		t.Errorf("got\n%s\nwant neither of them", got)
	}
	atHome(t, "disconnect", "cursor").want(t, exitFine, "is as it was")
	if got := readText(t, path); got != text {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

// A diff is what people paste into a report.
func TestConnect_dryRun_showsNoSecret(t *testing.T) {
	home := clientHome(t)
	homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {
		"args": {"command": "x", "args": ["--token", "s3cret-1", "--password=s3cret-2", "-H", "Authorization: Bearer s3cret-3"]},
		"url": {"url": "https://me:s3cret-4@h.example/x?key=s3cret-5", "headers": {"X-Api-Key": "s3cret-6"}}
	}}`)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	for _, command := range []string{"connect cursor --replace", "connect cursor --replace --dry-run", "disconnect cursor --dry-run"} {
		if r := atHome(t, strings.Fields(command)...).want(t, exitFine); strings.Contains(r.out, "s3cret") {
			t.Errorf("%s: got\n%s\nwant no secret", command, r.out)
		}
	}
}

// import makes no agent of nothing: a program without servers needs a rule.
func TestConnect_aProgramWithoutServers_isToldWhatToWrite(t *testing.T) {
	home := clientHome(t)
	atHome(t, "import", "--write").want(t, exitFine)
	rules := filepath.Join(home, ".config/gatehouse/.mcp-gateway-rules.json")
	for _, text := range []string{"", "{}"} {
		if text != "" {
			homeFile(t, home, ".lmstudio/mcp.json", text)
		}
		r := atHome(t, "connect", "lmstudio").want(t, exitNo, "LM Studio has no servers", rules, `"lmstudio": {"allow": {"servers": ["NAME"]}}`, "or name one that they have with --agent: ")
		if strings.Contains(r.err, "import") {
			t.Errorf("got %q, want no import, which would find nothing", r.err)
		}
	}
	homeFile(t, home, ".lmstudio/mcp.json", `{"mcpServers": {"x": {"command": "x"}}}`)
	atHome(t, "connect", "lmstudio").want(t, exitNo, "gatehouse import --from lmstudio --write")
}

func replaceIn(t *testing.T, path, from, to string) {
	t.Helper()
	text := readText(t, path)
	if !strings.Contains(text, from) {
		t.Fatalf("got %s\nwant something with %s", text, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(text, from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What cannot be put back is still in the copy.
func TestDisconnect_serversThatCannotBePutBack_stayInTheCopy(t *testing.T) {
	home := connectedHome(t)
	path := homeFile(t, home, ".codex/config.toml", "[mcp_servers.files]\ncommand = 'x'\n")
	atHome(t, "import", "--from", "codex", "--write").want(t, exitFine)
	atHome(t, "connect", "codex", "--replace").want(t, exitFine, "removed files")
	text := readText(t, path)
	if err := os.WriteFile(path, []byte("mcp_servers.files = {command = 'y'}\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := atHome(t, "disconnect", "codex").want(t, exitNo, "could not be put back", "copy them from "+filepath.Join(home, ".local/state/gatehouse/connections/codex.backup")+": files")
	if strings.Contains(r.out, "is as it was") {
		t.Errorf("got\n%s\nwant nothing of a file as it was", r.out)
	}
	if got := readText(t, filepath.Join(home, ".local/state/gatehouse/connections/codex.backup")); !strings.Contains(got, "command = 'x'") {
		t.Errorf("got\n%s\nwant the file from before", got)
	}
}

func TestConnect_again_forAnotherAgent_keepsTheFirstBackup(t *testing.T) {
	home := connectedHome(t)
	path := homeFile(t, home, ".cursor/mcp.json", cursorFile)
	atHome(t, "connect", "cursor").want(t, exitFine)
	atHome(t, "connect", "cursor", "--agent", "codex").want(t, exitFine, "as agent codex")
	if text := readText(t, path); strings.Count(text, "attach") != 1 || !strings.Contains(text, `"codex"`) {
		t.Errorf("got\n%s\nwant one entry, for codex", text)
	}
	atHome(t, "disconnect", "cursor").want(t, exitFine)
	if text := readText(t, path); text != cursorFile {
		t.Errorf("got\n%s\nwant the old bytes", text)
	}
}

func TestConnect_whatIsWrong_isSaid(t *testing.T) {
	home := clientHome(t)
	atHome(t, "connect", "cursor").want(t, exitNo, "no rules yet")
	configFile(t, home, ".mcp-gateway-rules.json", `{"agents": {"a": {}}}`)
	atHome(t, "connect", "codex").want(t, exitNo, `no agent "codex"`, "import --from codex --write", "with --agent: a")
	atHome(t, "connect", "cursor", "--agent", "a", "--dry-run").want(t, exitFine, "+", `"a"`)
	atHome(t, "connect", "notepad").want(t, exitNo, "programs: claude-code")
	atHome(t, "connect", "cursor", "--agent", "a", "--surface", "x").want(t, exitNo, "--surface")
	atHome(t, "connect", "cursor", "--agent", "a", "--surface", "server:x").want(t, exitNo, "no servers yet")
	configFile(t, home, ".mcp.json", `{"mcpServers": {"y": {"command": "y"}, "hidden": {"command": "y"}, "off": {"command": "y", "disabled": true}}}`)
	configFile(t, home, ".mcp-gateway-rules.json", `{"agents": {"a": {"allow": {"servers": ["y", "off"]}}}}`)
	for _, name := range []string{"x", "hidden", "off"} {
		atHome(t, "connect", "cursor", "--agent", "a", "--surface", "server:"+name).want(t, exitNo, `no server "`+name+`" that agent "a" may use (it may use y`)
	}
	atHome(t, "connect", "cursor", "--agent", "a", "--surface", "server:y", "--dry-run").want(t, exitFine, "server:y")
	homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": `)
	atHome(t, "connect", "cursor", "--agent", "a").want(t, exitNo, "cannot enter gatehouse")
	homeFile(t, home, ".codex/config.toml", "mcp_servers = {x = {command = 'y'}}\n")
	atHome(t, "connect", "codex", "--agent", "a").want(t, exitNo, "change it by hand")
}

// Who searches tools by itself would search twice behind the gateway's own search.
func TestConnect_proposesTheSurfaceThatServesAProgramBest(t *testing.T) {
	connectedHome(t)
	for _, c := range clients.All() {
		if !c.CanConnect() {
			continue
		}
		r := atHome(t, "connect", c.ID, "--dry-run").want(t, exitFine)
		if all := strings.Contains(r.out, `"--surface"`) && strings.Contains(r.out, `"all"`); all != c.Searches {
			t.Errorf("%s: got\n%s\nwant the surface all: %v", c.ID, r.out, c.Searches)
		}
	}
	atHome(t, "connect", "codex").want(t, exitFine, "searches tools by itself", "--surface gate")
	r := atHome(t, "connect", "codex", "--surface", "gate").want(t, exitFine)
	if text := readText(t, fileOf(t, mustFind(t, "codex"))); strings.Contains(text, "--surface") || strings.Contains(r.out, "searches") {
		t.Errorf("got\n%s\nwant the gate, and no reason for the other", text)
	}
}

func mustFind(t *testing.T, id string) *clients.Client {
	t.Helper()
	c, known := clients.Find(id)
	if !known {
		t.Fatalf("there is no client %s", id)
	}
	return c
}

func TestConnect_linksAndModesStay(t *testing.T) {
	home := connectedHome(t)
	real := homeFile(t, home, "dotfiles/mcp.json", cursorFile)
	if err := os.Chmod(real, 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(home, ".cursor", "mcp.json")
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Skip("no symbolic links here")
	}
	atHome(t, "connect", "cursor").want(t, exitFine)
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 || !strings.Contains(readText(t, real), "attach") {
		t.Errorf("got %v, %v; want a link, and the entry behind it", info, err)
	}
	atHome(t, "disconnect", "cursor").want(t, exitFine)
	info, err = os.Stat(link)
	if err != nil || info.Mode().Perm() != 0o644 || readText(t, real) != cursorFile {
		t.Errorf("got %v, %v; want the old file with its mode", info, err)
	}
}
