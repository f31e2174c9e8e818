package locate

import (
	"io/fs"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// The codes of warnings about files that others may write.
const (
	codeRulesWritable   = "rules-file-writable"
	codeServersWritable = "servers-file-writable"
	codeEnvWritable     = "env-file-writable"
)

// Kind says what a file decides, whoever can write it.
type Kind struct{ code, hint string }

// The kinds of files.
var (
	RulesFile   = Kind{codeRulesWritable, "whoever can write the rules can allow themselves anything: chmod go-w"}
	ServersFile = Kind{codeServersWritable, "whoever can write the servers file decides what runs as this user: chmod go-w"}
	EnvFile     = Kind{codeEnvWritable, "whoever can write the values of variables can change what servers run and where they connect: chmod go-w"}
)

// Permissions is who may change a file: its mode, that of its folder, and
// whether they belong to another user than this one and root.
type Permissions struct {
	Mode, Folder           fs.FileMode
	Foreign, FolderForeign bool
}

// WritableByOthers warns if the permissions of a file, or of the folder that it
// is in, let other users change what it says. Do not ask on systems whose
// permissions are not Unix modes.
func WritableByOthers(kind Kind, file string, p Permissions) []jsondoc.Problem {
	r := jsondoc.NewReport(file)
	const group, world = 0o020, 0o002
	warn := func(what string) {
		r.Add(policy.Position{File: file}, jsondoc.Warning, "", kind.code, kind.hint, "%s", what)
	}
	sticky := p.Folder&fs.ModeSticky != 0
	switch {
	case p.Foreign:
		warn("this file belongs to another user, who may write it")
	case p.Mode&world != 0:
		warn("every user of this machine may write this file")
	case p.Mode&group != 0:
		warn("other users of the file's group may write this file")
	case p.Folder&world != 0 && !sticky:
		warn("every user of this machine may replace this file: its folder is open to all")
	case p.FolderForeign && !sticky:
		warn("another user may replace this file: its folder belongs to them")
	}
	return r.Finish()
}
