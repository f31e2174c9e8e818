package main

import (
	"os"
	"path/filepath"
	"runtime"

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
	for _, path := range f.envPaths() {
		problems = append(problems, writableByOthers(locate.EnvFile, path)...)
	}
	for path := range l.Named() {
		problems = append(problems, writableByOthers(locate.EnvFile, path)...)
	}
	problems = append(problems, serversfile.Doubts(f.servers.Path, servers)...)
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
