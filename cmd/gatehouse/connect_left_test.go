package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// A server that stays although the gateway has it is named, each time.
func TestConnect_replace_namesWhatItCannotTakeOut(t *testing.T) {
	why := "it is written in a form, or a place, that cannot be edited by line: remove it yourself"
	for _, c := range []struct{ name, client, file, text string }{
		{"an inline table", "codex", ".codex/config.toml", "[mcp_servers]\nfiles = {command = \"x\"}\n"},
		{"a server of a project", "claude-code", ".claude.json", `{"mcpServers": {"own": {"command": "o"}}, "projects": {"/p": {"mcpServers": {"files": {"command": "x", "cwd": "/p"}}}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := clientHome(t)
			homeFile(t, home, c.file, c.text)
			atHome(t, "import", "--from", c.client, "--write").want(t, exitFine)
			atHome(t, "connect", c.client, "--replace").want(t, exitFine, "left files: "+why)
			atHome(t, "connect", c.client, "--replace").want(t, exitFine, "is connected already", "left files: "+why)
		})
	}
}

// What returns has a reason, which is not that --replace is missing.
func TestConnect_replaceAgain_saysWhyAServerReturns(t *testing.T) {
	home := clientHome(t)
	path := homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"files": {"command": "x"}, "own": {"command": "own"}}}`)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	atHome(t, "connect", "cursor", "--replace").want(t, exitFine, "removed files, own")
	replaceIn(t, filepath.Join(home, ".config/gatehouse/.mcp.json"), `"own"`, `"renamed"`)
	r := atHome(t, "connect", "cursor", "--replace").want(t, exitFine, "left own: the gateway does not have it")
	if text := readText(t, path); strings.Contains(r.out, "without --replace") || !strings.Contains(text, `"own"`) {
		t.Errorf("got\n%s\n%s\nwant own in the file, and no word of a missing --replace", r.out, text)
	}
}

func TestConnect_replace_aServerWithAnEmptyName_isTakenOut(t *testing.T) {
	home := clientHome(t)
	path := homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"": {"command": "x"}}}`)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	atHome(t, "connect", "cursor", "--replace").want(t, exitFine, `removed "": now behind the gateway`)
	if text := readText(t, path); strings.Contains(text, `"x"`) {
		t.Errorf("got\n%s\nwant the server taken out", text)
	}
}

// import is advised only if the rules have the agent after it.
func TestConnect_noAgent_advisesWhatHelps(t *testing.T) {
	home := clientHome(t)
	homeFile(t, home, ".cursor/mcp.json", `{"mcpServers": {"files": {"command": "x"}}}`)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	for _, c := range []struct{ name, text, want, not string }{
		{"one that cannot be taken over", `{"mcpServers": {"none": {}}}`, `"lmstudio": {"allow": {"servers": ["NAME"]}}`, "import"},
		{"one that is in conflict", `{"mcpServers": {"files": {"command": "y"}}}`, `"gatehouse import --from lmstudio" shows how they differ`, "--write"},
		{"one that it makes the agent of", `{"mcpServers": {"new": {"command": "n"}}}`, "import --from lmstudio --write", "NAME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			homeFile(t, home, ".lmstudio/mcp.json", c.text)
			if r := atHome(t, "connect", "lmstudio").want(t, exitNo, c.want); strings.Contains(r.err, c.not) {
				t.Errorf("got %q, want no %q", r.err, c.not)
			}
		})
	}
}

// Of two objects of servers a program reads the last: what is in the first is not in force.
func TestConnect_aKeyThatIsThereTwice_isRefused(t *testing.T) {
	for _, c := range []struct{ name, client, file, text, want string }{
		{"the servers", "cursor", ".cursor/mcp.json", "{\n\"mcpServers\": {},\n\"mcpServers\": {\"files\": {\"command\": \"x\"}}}", `"mcpServers" is there twice, the second time in line 3`},
		{"the entry", "cursor", ".cursor/mcp.json", "{\"mcpServers\": {\"gatehouse\": {},\n\"gatehouse\": {\"command\": \"x\"}}}", `"gatehouse" is there twice, the second time in line 2`},
		{"the servers of YAML", "goose", ".config/goose/config.yaml", "extensions:\n  a: {type: stdio, cmd: x}\nextensions:\n  b: {type: stdio, cmd: x}\n", `"extensions" is there twice, the second time in line 3`},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := connectedHome(t)
			path := homeFile(t, home, c.file, c.text)
			for _, args := range [][]string{{"connect", c.client, "--dry-run"}, {"connect", c.client}} {
				atHome(t, args...).want(t, exitNo, path, c.want, "make one of both")
			}
			if got := readText(t, path); got != c.text {
				t.Errorf("got\n%s\nwant the file as it was", got)
			}
		})
	}
}

// Of a name that was there twice the last is put back; the first is in the copy.
func TestDisconnect_aNameThatWasThereTwice_afterAnEdit_keepsTheCopy(t *testing.T) {
	home := clientHome(t)
	text := "{\n  // mine\n  \"mcpServers\": {\"two\": {\"command\": \"first\"}, \"two\": {\"command\": \"second\"}}\n}"
	path := homeFile(t, home, ".cursor/mcp.json", text)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	atHome(t, "connect", "cursor", "--replace").want(t, exitFine, "removed two")
	replaceIn(t, path, "// mine", "// changed")
	backup := filepath.Join(home, ".local/state/gatehouse/connections/cursor.backup")
	atHome(t, "disconnect", "cursor").want(t, exitFine, "two was there twice, and only the last is put back", backup)
	if got := readText(t, path); strings.Contains(got, "first") || !strings.Contains(got, "second") || readText(t, backup) != text {
		t.Errorf("got\n%s\nand a copy\n%s\nwant the second, and the file from before in the copy", got, readText(t, backup))
	}
	// Another connection leaves that copy.
	atHome(t, "connect", "cursor", "--replace").want(t, exitFine, backup)
	atHome(t, "disconnect", "cursor").want(t, exitFine, "is as it was")
	if readText(t, backup) != text {
		t.Errorf("got\n%s\nwant the first copy as it was", readText(t, backup))
	}
}
