package trust

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/shellword"
)

// Role says what a file is to its project.
type Role string

// The roles of files.
const (
	// Servers is the project's .mcp.json.
	Servers Role = "servers"
	// Rules is its rules file.
	Rules Role = "rules"
	// Named is a file of the project that entries of its servers file name: an
	// envFile, or a ${file:PATH}. It can change what a command line becomes.
	Named Role = "named"
)

// File is one file and its content.
type File struct {
	Role Role `json:"role"`
	// Path is absolute. Of the servers and the rules file it is where symbolic
	// links lead to, of a named file it is as the entry has it.
	Path string `json:"path"`
	// SHA256 is that of the content, in lower-case hex; empty if the file could
	// not be read.
	SHA256 string `json:"sha256"`
}

// Project is what was approved of one folder.
type Project struct {
	// Dir is absolute, symbolic links resolved.
	Dir      string    `json:"dir"`
	Approved time.Time `json:"approved"`
	Files    []File    `json:"files"`
}

// Hash is the approved content of the file with that role, empty if there is no
// such file. It is for roles that a project has one file for.
func (p Project) Hash(role Role) string {
	for _, f := range p.Files {
		if f.Role == role {
			return f.SHA256
		}
	}
	return ""
}

// Governs reports whether a file that an entry names counts only as it was
// approved: it is in the project's folder, or was approved with it.
func (p Project) Governs(path string) bool {
	path = filepath.Clean(path)
	return within(p.Dir, path) || slices.ContainsFunc(p.Files, func(f File) bool { return f.Role == Named && f.Path == path })
}

// Approves reports whether a file that an entry names was approved with this
// content.
func (p Project) Approves(path, sha256 string) bool {
	return sha256 != "" && slices.Contains(p.Files, File{Named, filepath.Clean(path), sha256})
}

// within reports whether a path is below a folder, by its words alone.
func within(dir, path string) bool {
	rest, err := filepath.Rel(dir, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

// State says how a project's files stand to what was approved.
type State string

// The states of a project.
const (
	// New: none of its files was ever approved.
	New State = "new"
	// Changed: they are not as they were approved.
	Changed State = "changed"
	// Approved: path and content of both files are the approved ones.
	Approved State = "approved"
)

// Compare returns how the servers and the rules file of a folder, as they are
// now, stand to the record, and what was approved of the folder. Both must be
// there, readable, and unchanged to be Approved.
func (r Record) Compare(dir string, now []File) (State, Project) {
	p, ok := r.Project(dir)
	if !ok {
		return New, Project{}
	}
	for _, role := range []Role{Servers, Rules} {
		same := func(f File) bool { return f.Role == role && f.SHA256 != "" && slices.Contains(p.Files, f) }
		if !slices.ContainsFunc(now, same) {
			return Changed, p
		}
	}
	return Approved, p
}

// Command is the command line that approves a folder, quoted for a shell.
func Command(dir string) string {
	return "gatehouse trust " + shellword.Of(dir)
}
