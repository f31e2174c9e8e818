package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/resolve"
)

// The codes of what servers can reach, or no longer can.
const (
	codeReachesRules = "server-reaches-rules"
	codeRelative     = "relative-argument"
)

// reachPatience is how long the file system may take to answer: a folder that
// hangs must not keep a gateway from starting.
const reachPatience = 2 * time.Second

// reach warns of servers that are given the folder of the rules or of the servers
// file, or a folder around it, and of arguments that mean another file than they
// seem to. It blocks for reachPatience at most.
func (f foundFiles) reach(l configactor.Loaded) []jsondoc.Problem {
	answer := make(chan []jsondoc.Problem, 1)
	go func() { // Only a file system that hangs keeps it from ending soon.
		answer <- f.look(l)
	}()
	patience := time.NewTimer(reachPatience)
	defer patience.Stop()
	select {
	case problems := <-answer:
		return problems
	case <-patience.C:
		return []jsondoc.Problem{{
			File: f.servers.Path, Code: codeReachesRules, Severity: jsondoc.Warning,
			Message: "it could not be found out whether a server is given the folder of the rules: a file system does not answer",
			Hint:    "look whether every folder in args and cwd can be read",
		}}
	}
}

func (f foundFiles) look(l configactor.Loaded) []jsondoc.Problem {
	files := f.ownersFiles()
	var problems []jsondoc.Problem
	for _, s := range l.Resolved() {
		if s.Problem != "" {
			continue
		}
		seen := map[string]bool{} // One warning for a field is enough.
		for _, place := range s.Places(homeDir()) {
			if seen[place.Field] {
				continue
			}
			p, found := f.reaches(s, place, files)
			if !found {
				p, found = f.relative(s, place)
			}
			if found {
				seen[place.Field] = true
				problems = append(problems, p)
			}
		}
	}
	return problems
}

// ownersFiles are the files that no server should be able to write. A
// project's count only as they were approved, so the record of that stands for
// them.
func (f foundFiles) ownersFiles() []ownersFile {
	var files []ownersFile
	if f.project == nil {
		files = append(files, ownersFileOf("rules", f.rules.Path), ownersFileOf("servers", f.servers.Path))
	}
	if path := recordPath(); path != "" && exists(path) {
		files = append(files, ownersFileOf("approvals", path))
	}
	return files
}

// problem is a warning about a field of an entry. It shows no value of it.
func (f foundFiles) problem(s resolve.Server, field, code string) jsondoc.Problem {
	return jsondoc.Problem{
		File: f.servers.Path, Line: s.Entry.Pos.Line, Column: s.Entry.Pos.Column,
		Path: jsondoc.KeyPath("mcpServers", s.Entry.Name) + "." + field, Code: code, Severity: jsondoc.Warning,
	}
}

func (f foundFiles) reaches(s resolve.Server, place resolve.Place, files []ownersFile) (jsondoc.Problem, bool) {
	info, err := os.Stat(place.Path)
	if err != nil {
		return jsondoc.Problem{}, false
	}
	for _, o := range files {
		if how := o.reachedBy(info); how != "" {
			p := f.problem(s, place.Field, codeReachesRules)
			p.Message = fmt.Sprintf("it %s %s file (%s): whoever can use this server may be able to change what it may do", how, o.what, o.path)
			p.Hint = "give the server a folder of its own, or move the file to a folder that no server is given"
			return p, true
		}
	}
	return jsondoc.Problem{}, false
}

// relative warns of an argument that names a file beside the servers file, but is
// looked for in the server's own folder.
func (f foundFiles) relative(s resolve.Server, place resolve.Place) (jsondoc.Problem, bool) {
	if s.Entry.Cwd != "" || place.Written == "" || !looksLikePath(place.Written) {
		return jsondoc.Problem{}, false
	}
	folder := filepath.Dir(f.servers.Path)
	if exists(place.Path) || !exists(filepath.Join(folder, place.Written)) {
		return jsondoc.Problem{}, false
	}
	p := f.problem(s, place.Field, codeRelative)
	p.Message = fmt.Sprintf("a relative path starts at the server's own folder (%s), where there is no such file, not at the folder of this file", s.Spec.Cwd)
	p.Hint = fmt.Sprintf(`write "cwd": %s in the entry, or begin the path with ${workspaceFolder}/`, jsondoc.Quote(folder))
	return p, true
}

// looksLikePath reports whether a word is more likely a path than a command.
func looksLikePath(word string) bool {
	return filepath.Ext(word) != "" || word == "." || filepath.Base(word) != word
}

// ownersFile is a file that no server should be able to write.
type ownersFile struct {
	what, path string
	file       []os.FileInfo
	folder     []os.FileInfo // the one that it is in
	around     []os.FileInfo // those around that
}

// ownersFileOf follows links: where the file is, and where its name is, both count.
func ownersFileOf(what, path string) ownersFile {
	o := ownersFile{what: what, path: path}
	paths := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		paths = append(paths, real)
	}
	for _, path := range paths {
		o.file = appendInfo(o.file, path)
		dir := filepath.Dir(path)
		o.folder = appendInfo(o.folder, dir)
		for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
			o.around = appendInfo(o.around, up)
		}
	}
	return o
}

func appendInfo(list []os.FileInfo, path string) []os.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return list
	}
	return append(list, info)
}

// reachedBy says how a place has to do with the file; empty if it has not. Files
// are compared and not their names, so links and letter case play no part.
func (o ownersFile) reachedBy(place os.FileInfo) string {
	switch {
	case sameAsOne(place, o.file):
		return "is the"
	case sameAsOne(place, o.folder):
		return "is the folder of the"
	case sameAsOne(place, o.around):
		return "holds the folder of the"
	}
	return ""
}

func sameAsOne(place os.FileInfo, list []os.FileInfo) bool {
	for _, other := range list {
		if os.SameFile(place, other) {
			return true
		}
	}
	return false
}
