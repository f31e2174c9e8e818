package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/safefile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
)

// codeClearText warns of a credential that everybody on the way can read.
const codeClearText = "credential-over-http"

// doubts are warnings about what is allowed but safe for nobody: files that
// others may write, secrets in clear text, packages of any version. servers are
// the bytes of the servers file.
func (f foundFiles) doubts(l configactor.Loaded, servers []byte) []jsondoc.Problem {
	problems := writableByOthers(locate.RulesFile, f.rules.Path)
	problems = append(problems, writableByOthers(locate.ServersFile, f.servers.Path)...)
	for _, path := range append(f.envPaths(), f.keyring.Path) {
		problems = append(problems, writableByOthers(locate.EnvFile, path)...)
	}
	for path := range l.Named() {
		problems = append(problems, writableByOthers(locate.EnvFile, path)...)
	}
	problems = append(problems, serversfile.Doubts(f.servers.Path, servers)...)
	problems = append(problems, f.readByOthers(l)...)
	for _, s := range l.Resolved() {
		if s.Problem != "" || !s.CredentialInClear() {
			continue
		}
		field, to := "args", "another machine"
		if s.Entry.URL != "" {
			field, to = "url", vars.ShownURL(s.Entry.URL)
		}
		p := f.problem(s, field, codeClearText)
		p.Message = "a credential goes to " + jsondoc.Shorten(to) + " over plain http: whoever is on the way can read it"
		p.Hint = "use https, or a tunnel that ends on this machine"
		problems = append(problems, p)
	}
	return problems
}

// codeReadByOthers warns of a servers file that other programs read as theirs.
const codeReadByOthers = "read-by-clients"

// readByOthers warns of a .mcp.json in the working directory: clients that are
// opened there start its servers too.
func (f foundFiles) readByOthers(l configactor.Loaded) []jsondoc.Problem {
	workDir, err := os.Getwd()
	dir := filepath.Dir(f.servers.Path)
	if err != nil || filepath.Base(f.servers.Path) != ".mcp.json" || !sameFolder(dir, workDir) || sameFolder(dir, configFolder()) || !switchedOn(l) {
		return nil
	}
	return []jsondoc.Problem{{
		File: f.servers.Path, Code: codeReadByOthers, Severity: jsondoc.Warning,
		Message: "Claude Code, Copilot CLI and VS Code read this file too: in this folder they start each server a second time, bypassing the gateway",
		Hint:    "move it to the config folder, or give it another name and use --mcp-config",
	}}
}

// switchedOn reports whether there is a server that is not disabled.
func switchedOn(l configactor.Loaded) bool {
	return slices.ContainsFunc(l.Servers.Entries, func(e serversfile.Entry) bool { return !e.Disabled })
}

// writableByOthers warns if other users may change a file. Links are followed:
// what they lead to is what counts.
func writableByOthers(kind locate.Kind, path string) []jsondoc.Problem {
	if runtime.GOOS == "windows" {
		return nil // Unix permissions mean nothing here.
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil // Reading the file says what is wrong.
	}
	file, err := os.Stat(real)
	if err != nil {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(real))
	if err != nil {
		return nil
	}
	return locate.WritableByOthers(kind, path, locate.Permissions{
		Mode: file.Mode(), Folder: folder.Mode(), Foreign: safefile.Foreign(file), FolderForeign: safefile.Foreign(folder),
	})
}
