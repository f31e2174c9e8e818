package main

import (
	"path/filepath"
	"strings"
	"testing"
)

const (
	ours      = `"gatehouse": {"command": "/bin/gatehouse", "args": ["attach"]}`
	otherOnly = `{"mcpServers": {"other": {"command": "o"}}}`
)

// Somebody has copied the entry, under the same key or with all that it stands in.
func TestDisconnect_entryThatIsThereTwice_bothGo(t *testing.T) {
	for name, text := range map[string]string{
		"in one object":  `{"mcpServers": {` + ours + `, "other": {"command": "o"}, ` + ours + `}}`,
		"in two objects": `{"mcpServers": {` + ours + `}, "mcpServers": {"other": {"command": "o"}, ` + ours + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			home := connectedHome(t)
			path := homeFile(t, home, ".cursor/mcp.json", otherOnly)
			atHome(t, "connect", "cursor").want(t, exitFine)
			homeFile(t, home, ".cursor/mcp.json", text)
			atHome(t, "disconnect", "cursor").want(t, exitFine, "as it was")
			if got := readText(t, path); strings.Contains(got, "gatehouse") || !strings.Contains(got, `"other"`) {
				t.Errorf("got\n%s\nwant the other server alone", got)
			}
			atHome(t, "disconnect", "cursor").want(t, exitNo, "not connected")
		})
	}
}

func TestDisconnect_entryInYAMLThatIsThereTwice_bothGo(t *testing.T) {
	home := connectedHome(t)
	entry := "  gatehouse:\n    cmd: /bin/gatehouse\n"
	path := homeFile(t, home, ".config/goose/config.yaml", "extensions:\n"+entry+"  other:\n    cmd: o\n"+entry)
	atHome(t, "disconnect", "goose").want(t, exitFine)
	if got, want := readText(t, path), "extensions:\n  other:\n    cmd: o\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A program may have several files; connect has written one.
func TestDisconnect_entryInTwoFilesOfTheProgram_bothGo(t *testing.T) {
	home := connectedHome(t)
	first := homeFile(t, home, ".config/Code/User/mcp.json", `{"servers": {}}`)
	second := homeFile(t, home, ".config/VSCodium/User/mcp.json", `{"servers": {"other": {"command": "o"}, `+ours+`}}`)
	atHome(t, "connect", "vscode").want(t, exitFine, first)
	atHome(t, "disconnect", "vscode", "--dry-run").want(t, exitFine, "--- "+first, "--- "+second)
	atHome(t, "disconnect", "vscode").want(t, exitFine, "as it was, in "+first, second)
	if got, want := readText(t, first), `{"servers": {}}`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := readText(t, second), `{"servers": {"other": {"command": "o"}}}`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	atHome(t, "disconnect", "vscode").want(t, exitNo, "not connected")
}

// The first file may be without an entry, or not be there.
func TestDisconnect_entryInAnotherFileAlone_goes(t *testing.T) {
	home := connectedHome(t)
	path := homeFile(t, home, ".config/VSCodium/User/mcp.json", `{"servers": {`+ours+`}}`)
	homeFile(t, home, ".config/Code/User/mcp.json", `{"servers": {}}`)
	atHome(t, "disconnect", "--all").want(t, exitFine, path)
	if got := readText(t, path); strings.Contains(got, "gatehouse") {
		t.Errorf("got\n%s\nwant no entry", got)
	}
	atHome(t, "disconnect", "--all").want(t, exitFine, "No program is connected")
}

// What a project's file says is the project's.
func TestDisconnect_entryInAProjectsFile_stays(t *testing.T) {
	home := connectedHome(t)
	homeFile(t, home, ".cursor/mcp.json", otherOnly)
	atHome(t, "connect", "cursor").want(t, exitFine)
	project := t.TempDir()
	t.Chdir(project)
	path := homeFile(t, project, filepath.Join(".cursor", "mcp.json"), `{"mcpServers": {`+ours+`}}`)
	atHome(t, "disconnect", "cursor").want(t, exitFine)
	if got := readText(t, path); !strings.Contains(got, "gatehouse") {
		t.Errorf("got\n%s\nwant it to stay", got)
	}
}

// What only has our name is somebody else's, in a file that connect has not written.
func TestDisconnect_otherServerOfThatNameInAnotherFile_stays(t *testing.T) {
	for _, text := range []string{
		`{"servers": {"gatehouse": {"command": "my-gatehouse", "env": {"TOKEN": "secret"}}}}`,
		`{"servers": {"gatehouse": {"command": "npx", "args": ["-y", "gatehouse-alarm"]}}}`,
		`{"servers": {"gatehouse": {"type": "http", "url": "https://gatehouse.example/mcp"}}}`,
	} {
		home := connectedHome(t)
		homeFile(t, home, ".config/Code/User/mcp.json", `{"servers": {}}`)
		path := homeFile(t, home, ".config/VSCodium/User/mcp.json", text)
		atHome(t, "connect", "vscode").want(t, exitFine)
		r := atHome(t, "disconnect", "vscode").want(t, exitFine)
		if got := readText(t, path); got != text {
			t.Errorf("got\n%s\nwant\n%s", got, text)
		}
		if want := `"gatehouse" in ` + path + " starts something else"; !strings.Contains(r.err, want) {
			t.Errorf("got %q, want that %s", r.err, want)
		}
	}
}

// What a copy's file was is kept, as that of the program's file is.
func TestDisconnect_entryInAnotherFile_keepsWhatItWas(t *testing.T) {
	home := connectedHome(t)
	homeFile(t, home, ".config/Code/User/mcp.json", `{"servers": {}}`)
	atHome(t, "connect", "vscode").want(t, exitFine)
	for _, text := range []string{`{"servers": {` + ours + `}} // one`, `{"servers": {` + ours + `}} // two`} {
		path := homeFile(t, home, ".config/VSCodium/User/mcp.json", text)
		r := atHome(t, "disconnect", "vscode").want(t, exitFine, "removed from "+path, "is kept in ")
		_, kept, _ := strings.Cut(r.out, "is kept in ")
		kept, _, _ = strings.Cut(kept, ";")
		if got := readText(t, kept); got != text {
			t.Errorf("got\n%s\nwant\n%s", got, text)
		}
	}
	if kept := readText(t, filepath.Join(connectionsFolder(), "vscode-2.backup")); !strings.Contains(kept, "one") {
		t.Errorf("got\n%s\nwant what was kept first", kept)
	}
}

// An entry may be in a file that cannot be read: its owner hears of it.
func TestDisconnect_fileThatCannotBeRead_isNamed(t *testing.T) {
	home := connectedHome(t)
	first := homeFile(t, home, ".config/Code/User/mcp.json", `{"servers": {}}`)
	second := homeFile(t, home, ".config/VSCodium/User/mcp.json", `{"servers": {`+ours+`}`)
	third := homeFile(t, home, ".config/Code - Insiders/User/mcp.json", `{"servers": {`)
	atHome(t, "connect", "vscode").want(t, exitFine)
	says := func(r ran, path string, want bool) {
		t.Helper()
		if got := strings.Contains(r.err, "cannot tell whether gatehouse is in "+path); got != want {
			t.Errorf("got %q, want that %s is named: %v", r.err, path, want)
		}
	}
	r := atHome(t, "disconnect", "vscode").want(t, exitFine)
	says(r, first, false)
	says(r, second, true)
	says(r, third, false)
	homeFile(t, home, ".config/Code/User/mcp.json", `{"servers": {`+ours+`}`)
	says(atHome(t, "disconnect", "vscode").want(t, exitNo, "not connected"), first, true)
	r = atHome(t, "disconnect", "--all").want(t, exitFine)
	says(r, first, true)
	says(r, second, true)
}
