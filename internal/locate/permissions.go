package locate

import (
	"io/fs"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// codeWritable warns of a rules file that others may write.
const codeWritable = "rules-file-writable"

// WritableByOthers warns if the permissions of a rules file, or of the folder
// that it is in, let other users change what it says. Do not ask on systems
// whose permissions are not Unix modes.
func WritableByOthers(file string, mode, folder fs.FileMode) []jsondoc.Problem {
	r := jsondoc.NewReport(file)
	const (
		group, world = 0o020, 0o002
		hint         = "whoever can write the rules can allow themselves anything: chmod go-w"
	)
	warn := func(what string) {
		r.Add(policy.Position{File: file}, jsondoc.Warning, "", codeWritable, hint, "%s", what)
	}
	switch {
	case mode&world != 0:
		warn("every user of this machine may write this file")
	case mode&group != 0:
		warn("other users of the file's group may write this file")
	case folder&world != 0 && folder&fs.ModeSticky == 0:
		warn("every user of this machine may replace this file: its folder is open to all")
	}
	return r.Finish()
}
