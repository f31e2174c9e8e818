package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ofCursor are the files of the config folder once what cursorFile has was taken over.
func ofCursor(t *testing.T) (files map[string]string) {
	t.Helper()
	home := connectedHome(t)
	homeFile(t, home, ".cursor/mcp.json", cursorFile)
	atHome(t, "import", "--from", "cursor", "--write").want(t, exitFine)
	files = map[string]string{}
	for _, name := range []string{".mcp.json", ".mcp-gateway-rules.json", "gatehouse.env"} {
		files[name] = readText(t, filepath.Join(home, ".config", "gatehouse", name))
	}
	return files
}

// inCursor is a home with these files, whose rules let cursor use all that its own file
// has, and that file.
func inCursor(t *testing.T, files map[string]string, existed bool) (home, path string) {
	t.Helper()
	home, _ = freshHome(t)
	for name, text := range files {
		configFile(t, home, name, text)
	}
	path = filepath.Join(home, ".cursor", "mcp.json")
	if existed {
		homeFile(t, home, ".cursor/mcp.json", cursorFile)
	}
	return home, path
}

// edit changes a comment of the file, as its owner would.
func edit(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Replace(readText(t, path), "// mine", "// changed", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// left is a file of a program and all that is kept of its connection.
func left(t *testing.T, home, path string) (files map[string]string) {
	t.Helper()
	files = map[string]string{}
	kept, err := filepath.Glob(filepath.Join(home, ".local/state/gatehouse/connections", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(kept, path) {
		if exists(path) {
			files[strings.TrimPrefix(path, home)] = strings.ReplaceAll(readText(t, path), home, "HOME")
		}
	}
	return files
}

// A program can be killed between any two steps. Whoever runs the command again, or
// takes it back, gets what they would have got without that.
func TestConnect_killedAfterAnyStep_canBeRunAgainOrTakenBack(t *testing.T) {
	type way struct {
		name    string
		existed bool
		before  func(t *testing.T, path string)
		connect connectOptions
	}
	connected := func(args ...string) func(t *testing.T, path string) {
		return func(t *testing.T, _ string) {
			t.Helper()
			atHome(t, append([]string{"connect", "cursor"}, args...)...).want(t, exitFine)
		}
	}
	edited := func(args ...string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			connected(args...)(t, path)
			edit(t, path)
		}
	}
	nothing := func(*testing.T, string) {}
	copyKept := func(t *testing.T, path string) {
		t.Helper()
		connected("--replace")(t, path)
		if err := os.WriteFile(path, []byte(`{"mcpServers": {"closed": {"command": "c"}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := ofCursor(t)
	for _, w := range []way{
		{"first", true, nothing, connectOptions{}},
		{"first, with servers taken out", true, nothing, connectOptions{replace: true}},
		{"first, without a file", false, nothing, connectOptions{}},
		{"for another agent", true, connected(), connectOptions{agent: "codex"}},
		{"for another agent, without a file", false, connected(), connectOptions{agent: "codex"}},
		{"for another agent, changed meanwhile", true, edited(), connectOptions{agent: "codex"}},
		{"takes servers out later", true, connected(), connectOptions{replace: true}},
		{"takes servers out later, changed meanwhile", true, edited(), connectOptions{replace: true}},
		{"puts servers back", true, connected("--replace"), connectOptions{}},
		{"puts servers back, changed meanwhile", true, edited("--replace"), connectOptions{}},
		{"takes them out again", true, connected("--replace"), connectOptions{replace: true, agent: "codex"}},
		{"where a copy is kept", true, copyKept, connectOptions{}},
		{"where a copy is kept, with servers taken out", true, copyKept, connectOptions{replace: true}},
		{"takes them out again, changed meanwhile", true, edited("--replace"), connectOptions{replace: true, agent: "codex"}},
	} {
		// killed does the first steps of it, and returns whether there are more.
		killed := func(t *testing.T, steps int) (home, path string, more bool) {
			t.Helper()
			home, path = inCursor(t, files, w.existed)
			w.before(t, path)
			o := w.connect
			e, err := o.plan("cursor")
			if err != nil {
				t.Fatal(err)
			}
			all := e.steps()
			if err := runSteps(all[:steps]); err != nil {
				t.Fatal(err)
			}
			return home, path, steps < len(all)
		}
		again := func(t *testing.T) {
			t.Helper()
			o := w.connect
			if err := o.run(io.Discard, "cursor"); err != nil {
				t.Fatal(err)
			}
		}
		t.Run(w.name, func(t *testing.T) {
			home, path, _ := killed(t, 0)
			again(t)
			connected := left(t, home, path)
			atHome(t, "disconnect", "cursor").want(t, exitFine, "as it was")
			apart := left(t, home, path)
			more := true
			for n := 0; more; n++ {
				home, path, more = killed(t, n)
				again(t)
				same(t, n, "connect again", left(t, home, path), connected)
				atHome(t, "disconnect", "cursor").want(t, exitFine, "as it was")
				same(t, n, "connect again, disconnect", left(t, home, path), apart)
				if home, path, _ = killed(t, n); n > 0 {
					atHome(t, "disconnect", "cursor").want(t, exitFine, "Cursor is as it was, in "+path)
					same(t, n, "disconnect", left(t, home, path), apart)
				}
			}
		})
	}
}

func same(t *testing.T, steps int, what string, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%d steps, then %s: got in %s\n%q\nwant\n%q", steps, what, name, got[name], want[name])
		}
	}
	for name := range got {
		if _, known := want[name]; !known {
			t.Errorf("%d steps, then %s: got %s, want no such file", steps, what, name)
		}
	}
}

func TestDisconnect_killedAfterAnyStep_canBeRunAgainOrTakenBack(t *testing.T) {
	files := ofCursor(t)
	for _, w := range []struct {
		name            string
		existed, edited bool
		args            []string
	}{
		{"as it was", true, false, nil},
		{"without a file", false, false, nil},
		{"changed meanwhile", true, true, nil},
		{"with servers taken out", true, false, []string{"--replace"}},
		{"with servers taken out, changed meanwhile", true, true, []string{"--replace"}},
	} {
		t.Run(w.name, func(t *testing.T) {
			connect := append([]string{"connect", "cursor"}, w.args...)
			killed := func(steps int) (home, path string, more bool) {
				home, path = inCursor(t, files, w.existed)
				atHome(t, connect...).want(t, exitFine)
				if w.edited {
					edit(t, path)
				}
				target, err := openTarget(mustFind(t, "cursor"))
				if err != nil {
					t.Fatal(err)
				}
				after, lost := target.disconnected()
				all := target.disconnect(after, len(lost) > 0)
				if err := runSteps(all[:steps]); err != nil {
					t.Fatal(err)
				}
				return home, path, steps < len(all)
			}
			home, path, _ := killed(0)
			atHome(t, "disconnect", "cursor").want(t, exitFine)
			apart := left(t, home, path)
			more := true
			for n := 0; more; n++ {
				if home, path, more = killed(n); more {
					atHome(t, "disconnect", "cursor").want(t, exitFine, "as it was")
				}
				same(t, n, "disconnect again", left(t, home, path), apart)
				home, path, _ = killed(n)
				atHome(t, connect...).want(t, exitFine)
				atHome(t, "disconnect", "--all").want(t, exitFine, "as it was")
				same(t, n, "connect, disconnect", left(t, home, path), apart)
			}
			atHome(t, "disconnect", "cursor").want(t, exitNo, "not connected")
		})
	}
}

// A program that takes the entry out by itself may have been killed over it, so the copy
// stays; what --replace took out comes back.
func TestDisconnect_theEntryIsGone_putsServersBackAndKeepsTheCopy(t *testing.T) {
	for name, now := range map[string]string{
		"by hand":            "{\n  // mine\n  \"mcpServers\": {\n    \"own\": {\"command\": \"own\"}\n  }\n}\n",
		"and all the others": "{}",
		"and all of it":      "",
		"half of it":         "{\n  // mine\n  \"mcpServers\": {\n",
	} {
		t.Run(name, func(t *testing.T) {
			home, path := inCursor(t, ofCursor(t), true)
			atHome(t, "connect", "cursor", "--replace").want(t, exitFine)
			if err := os.WriteFile(path, []byte(now), 0o600); err != nil {
				t.Fatal(err)
			}
			r := atHome(t, "disconnect", "cursor")
			files := left(t, home, path)
			if !strings.Contains(r.out+r.err, "cursor.backup") || len(files) != 2 || files["/.local/state/gatehouse/connections/cursor.backup"] != cursorFile {
				t.Errorf("got %s%s and %v, want the copy kept, and named", r.out, r.err, files)
			}
			if back := strings.Contains(files["/.cursor/mcp.json"], "s3cret-value"); back != (r.code == exitFine) {
				t.Errorf("got exit code %d and\n%s\nwant 0 if files is back, else 1", r.code, files["/.cursor/mcp.json"])
			}
			atHome(t, "disconnect", "cursor").want(t, exitNo, "not connected")
		})
	}
}

// Somebody who removes the program's file has no connection, but may want it back.
func TestDisconnect_theFileIsGone_saysWhereItsCopyIs(t *testing.T) {
	home, path := inCursor(t, ofCursor(t), true)
	atHome(t, "connect", "cursor").want(t, exitFine)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	atHome(t, "disconnect", "cursor").want(t, exitNo, "is not connected", "kept in "+filepath.Join(home, ".local/state/gatehouse/connections/cursor.backup"))
}

// A copy that somebody was told to keep is of the connection before: the next one, which
// began without a file, leaves it.
func TestDisconnect_theCopyIsOfAnEarlierConnection_keepsIt(t *testing.T) {
	for name, takesOut := range map[string]bool{"by us": false, "by hand": true} {
		t.Run(name, func(t *testing.T) {
			home, path := inCursor(t, ofCursor(t), true)
			atHome(t, "connect", "cursor").want(t, exitFine)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			backup := filepath.Join(home, ".local/state/gatehouse/connections/cursor.backup")
			atHome(t, "disconnect", "cursor").want(t, exitNo, "kept in "+backup)
			atHome(t, "connect", "cursor").want(t, exitFine)
			said := "Cursor is as it was, in " + path
			if takesOut {
				homeFile(t, home, ".cursor/mcp.json", "{}")
				said = "Cursor is as it was, but for what has changed meanwhile, in " + path
			}
			atHome(t, "disconnect", "cursor").want(t, exitFine, said)
			if !exists(backup) || readText(t, backup) != cursorFile {
				t.Errorf("got no copy of the file any more, want it kept in %s", backup)
			}
		})
	}
}
