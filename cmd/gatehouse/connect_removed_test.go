package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// removeFiles removes the server files, as its owner would.
func removeFiles(t *testing.T, path string) {
	t.Helper()
	without := regexp.MustCompile(`\n *"files": .*`).ReplaceAllString(readText(t, path), "")
	if err := os.WriteFile(path, []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}
}

// killedConnect does the first steps of a connect of cursor.
func killedConnect(t *testing.T, o connectOptions, steps int) {
	t.Helper()
	e, err := o.plan("cursor")
	if err != nil {
		t.Fatal(err)
	}
	if err := runSteps(e.steps()[:steps]); err != nil {
		t.Fatal(err)
	}
}

const connections = "/.local/state/gatehouse/connections/"

// Somebody who removes a server after a connect was killed does not get it back. As that
// connect may have removed it, what the file was is kept.
func TestDisconnect_ofAConnectThatWasKilled_putsNothingBackThatItsOwnerHasRemoved(t *testing.T) {
	files := ofCursor(t)
	for name, connected := range map[string]bool{"the first": false, "a later one": true} {
		for steps := 1; steps <= 2; steps++ {
			t.Run(name, func(t *testing.T) {
				home, path := inCursor(t, files, true)
				if connected {
					atHome(t, "connect", "cursor").want(t, exitFine)
				}
				killedConnect(t, connectOptions{replace: true}, steps)
				removeFiles(t, path)
				backup := home + connections + "cursor.backup"
				copied := exists(backup)
				said := []string{"Cursor is as it was, but for what has changed meanwhile"}
				if copied {
					said = []string{"Cursor is disconnected", "have removed them: files.", "is kept in " + backup}
				}
				atHome(t, "disconnect", "cursor").want(t, exitFine, said...)
				if text := readText(t, path); strings.Contains(text, `"files"`) || strings.Contains(text, "attach") || !strings.Contains(text, `"own"`) {
					t.Errorf("%d steps: got\n%s\nwant neither files nor gatehouse", steps, text)
				}
				if got := left(t, home, path)[connections+"cursor.backup"]; copied && got != cursorFile {
					t.Errorf("%d steps: got\n%s\nwant the copy kept", steps, got)
				}
				atHome(t, "disconnect", "cursor").want(t, exitNo, "not connected")
			})
		}
	}
}

// What a killed connect has certainly taken out comes back.
func TestDisconnect_ofAConnectThatWasKilledOnceItHadWritten_putsServersBack(t *testing.T) {
	home, path := inCursor(t, ofCursor(t), true)
	killedConnect(t, connectOptions{replace: true}, 3)
	edit(t, path)
	atHome(t, "disconnect", "cursor").want(t, exitFine, "as it was, but for what has changed")
	if text := readText(t, path); !strings.Contains(text, `"files"`) || strings.Contains(text, "attach") {
		t.Errorf("got\n%s\nwant files, and no gatehouse", text)
	}
	if got := left(t, home, path); len(got) != 1 {
		t.Errorf("got %v, want nothing kept", slices.Collect(maps.Keys(got)))
	}
}

func TestDisconnect_killedOnceItHadWritten_putsNothingBackThatItsOwnerHasRemoved(t *testing.T) {
	home, path := inCursor(t, ofCursor(t), true)
	atHome(t, "connect", "cursor", "--replace").want(t, exitFine)
	target, err := openTarget(mustFind(t, "cursor"))
	if err != nil {
		t.Fatal(err)
	}
	after, _ := target.disconnected()
	if err := runSteps(target.disconnect(after, false)[:2]); err != nil {
		t.Fatal(err)
	}
	removeFiles(t, path)
	now := readText(t, path)
	r := atHome(t, "disconnect", "cursor").want(t, exitFine, "an earlier disconnect was interrupted", "are not put back, as somebody else may have removed them: files.", "is kept in "+home+connections+"cursor.backup")
	if strings.Contains(r.out, "has removed the entry") {
		t.Errorf("got %s, want nothing that nobody knows", r.out)
	}
	if got := readText(t, path); got != now {
		t.Errorf("got\n%s\nwant the file as its owner has left it\n%s", got, now)
	}
	if got := readText(t, home+connections+"cursor.backup"); got != cursorFile {
		t.Errorf("got\n%s\nwant the copy, as nobody knows who has removed the entry", got)
	}
}

// A copy that somebody was told to keep stays where that said it is.
func TestConnect_whereACopyIsKept_leavesItAndMakesAnother(t *testing.T) {
	anew := `{"mcpServers": {"anew": {"command": "a"}}}`
	for name, before := range map[string]func(t *testing.T, path string){
		"the file was gone": func(t *testing.T, path string) {
			t.Helper()
			atHome(t, "connect", "cursor").want(t, exitFine)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			atHome(t, "disconnect", "cursor").want(t, exitNo, "kept in ")
		},
		"the entry was gone": func(t *testing.T, path string) {
			t.Helper()
			atHome(t, "connect", "cursor").want(t, exitFine)
			if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
			atHome(t, "disconnect", "cursor").want(t, exitFine, "kept in ")
		},
		"the entry was gone, with servers taken out": func(t *testing.T, _ string) {
			t.Helper()
			atHome(t, "connect", "cursor", "--replace").want(t, exitFine)
		},
	} {
		t.Run(name, func(t *testing.T) {
			home, path := inCursor(t, ofCursor(t), true)
			before(t, path)
			if err := os.WriteFile(path, []byte(anew), 0o600); err != nil {
				t.Fatal(err)
			}
			kept := filepath.Join(home, connections, "cursor.backup")
			for _, args := range [][]string{nil, {"--agent", "codex"}, {"--surface", "all"}} {
				atHome(t, append([]string{"connect", "cursor"}, args...)...).want(t, exitFine, "the original is kept in "+filepath.Join(home, connections, "cursor-2.backup"), "earlier connection is still kept in "+kept)
			}
			if got := readText(t, kept); got != cursorFile {
				t.Errorf("got\n%s\nwant the copy that was kept", got)
			}
			atHome(t, "disconnect", "cursor").want(t, exitFine, "Cursor is as it was, in "+path)
			if got := left(t, home, path); len(got) != 2 || got["/.cursor/mcp.json"] != anew || got[connections+"cursor.backup"] != cursorFile {
				t.Errorf("got %q, want the new file as it was, and the copy that was kept", got)
			}
		})
	}
}

// Servers that cannot be put back are in the copy alone: a connect leaves it.
func TestConnect_againWhereServersCannotBePutBack_leavesTheCopy(t *testing.T) {
	home := connectedHome(t)
	path := homeFile(t, home, ".codex/config.toml", "[mcp_servers.files]\ncommand = 'x'\n")
	atHome(t, "import", "--from", "codex", "--write").want(t, exitFine)
	atHome(t, "connect", "codex", "--replace").want(t, exitFine, "removed files")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(readText(t, path), "attach", "attach2")+"\n[mcp_servers]\nfiles = {command = 'y'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	atHome(t, "connect", "codex")
	if got := readText(t, home+connections+"codex.backup"); !strings.Contains(got, "command = 'x'") {
		t.Errorf("got\n%s\nwant the file from before", got)
	}
}

// Of two at once one changes nothing, not even what is kept of the other's connection.
func TestConnect_atTheSameTimeAsAnother_changesNothing(t *testing.T) {
	for name, first := range map[string][]string{"connect": {"connect", "cursor", "--replace"}, "disconnect": {"disconnect", "cursor"}} {
		t.Run(name, func(t *testing.T) {
			home, path := inCursor(t, ofCursor(t), true)
			if name == "disconnect" {
				atHome(t, "connect", "cursor", "--replace").want(t, exitFine)
			}
			second := connectOptions{agent: "codex"}
			e, err := second.plan("cursor")
			if err != nil {
				t.Fatal(err)
			}
			atHome(t, first...).want(t, exitFine)
			want := left(t, home, path)
			if err := runSteps(e.steps()); err == nil || !strings.Contains(err.Error(), "try again") {
				t.Errorf("got %v, want that nothing is written", err)
			}
			same(t, 0, "a second connect", left(t, home, path), want)
		})
	}
}
