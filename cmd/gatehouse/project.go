package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/filewatch"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/safefile"
	"gatehouse/internal/trust"
	"gatehouse/messages"
)

// project is a folder with files that gatehouse could use, and how they stand
// to what their owner has approved.
type project struct {
	dir      string // absolute, symbolic links resolved
	state    trust.State
	approved trust.Project // what was approved of it, if it ever was
	servers  projectFile   // without a path if there is none
	rules    projectFile
	why      string // why it is passed over; empty if it is used
}

// projectFile is one file of a project. What was compared is what is parsed.
type projectFile struct {
	path    string // in the folder
	real    string // where symbolic links lead to
	content filewatch.Content
}

// lookAtProject reads the files of a folder and compares them with the record.
// It returns nil if the folder has none, or is the config folder.
func lookAtProject(dir, configFolder string) *project {
	if configFolder != "" && sameFolder(dir, configFolder) {
		return nil
	}
	p := &project{dir: resolved(dir)}
	p.servers.path, p.rules.path = locate.Project(p.dir, exists)
	var files []trust.File
	for role, f := range map[trust.Role]*projectFile{trust.Servers: &p.servers, trust.Rules: &p.rules} {
		if f.path != "" {
			f.content, f.real = filewatch.Read(f.path), resolved(f.path)
			files = append(files, trust.File{Role: role, Path: f.real, SHA256: f.content.Hash})
		}
	}
	if len(files) == 0 {
		return nil
	}
	record, err := readRecord()
	p.state, p.approved = record.Compare(p.dir, files)
	p.why = p.reason(err)
	return p
}

// reason says why a project is passed over; empty if it is approved.
func (p *project) reason(broken error) string {
	switch {
	case broken != nil:
		return broken.Error()
	case p.state == trust.New && (p.servers.path == "" || p.rules.path == ""):
		return "nobody has approved it, and only a servers file and a rules file together can be approved"
	case p.state == trust.New:
		return "nobody has approved it"
	case p.state == trust.Changed:
		return "it has changed since it was approved on " + p.approved.Approved.Local().Format(time.DateOnly)
	}
	return ""
}

// files are the paths that there are.
func (p *project) files() []string {
	var paths []string
	for _, f := range []projectFile{p.servers, p.rules} {
		if f.path != "" {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// passOver says in the log that a project's files are not used.
func (p *project) passOver(log *slog.Logger) {
	if p == nil {
		return
	}
	log.Warn("project files passed over", slog.Any("files", p.files()), slog.String("why", p.why),
		slog.String("hint", p.hint()))
}

func (p *project) hint() string {
	return "look at them and approve them: " + trust.Command(p.dir) + "; or use them this once with --here"
}

// problems are what validate says of files that are passed over.
func (p *project) problems() []jsondoc.Problem {
	if p == nil {
		return nil
	}
	return []jsondoc.Problem{{
		File: p.files()[0], Code: codePassedOver, Severity: jsondoc.Warning,
		Message: "the files of this folder are not used: " + p.why, Hint: p.hint(),
	}}
}

// codePassedOver warns of files that would be used once they are approved.
const codePassedOver = "project-passed-over"

// status is what operators hear of files that are passed over.
func (p *project) status() *admin.PassedOver {
	if p == nil {
		return nil
	}
	return &admin.PassedOver{Dir: p.dir, Files: p.files(), Why: p.why, Hint: p.hint()}
}

// read is readFile, but for the project's two files: they are as they were when
// they were compared with what was approved.
func (p *project) read(role messages.FileRole, path string) messages.ConfigChanged {
	for _, f := range []projectFile{p.servers, p.rules} {
		if f.path == path {
			return fileRead(role, path, f.content)
		}
	}
	return readFile(role, path)
}

// resolved is where the symbolic links of a path lead to; the path itself if
// that cannot be found out.
func resolved(path string) string {
	if path == "" {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// recordPath is the file with what was approved; empty if there is no place
// for it.
func recordPath() string {
	if dir := stateFolder(); dir != "" {
		return filepath.Join(dir, trust.FileName)
	}
	return ""
}

var errNoRecord = errors.New("there is no place for the record of approved files: this user has no home folder")

// readRecord reads what was approved. A record that others may have written is
// an error, and approves nothing.
func readRecord() (trust.Record, error) {
	path := recordPath()
	if path == "" {
		return trust.Record{}, errNoRecord
	}
	data, err := safefile.ReadOwn(path, trust.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return trust.Record{}, nil
	} else if err != nil {
		return trust.Record{}, err
	}
	return trust.Parse(data)
}

// readWatched reads for the watcher. Of a record of approvals that others may
// have written it returns no content, and why.
func readWatched(path string) filewatch.Content {
	content := filewatch.Read(path)
	if path != recordPath() || content.Err != "" {
		return content
	}
	data, err := safefile.ReadOwn(path, trust.MaxBytes)
	if err != nil {
		content.Bytes, content.Reason = nil, strings.TrimPrefix(err.Error(), "cannot trust "+path+": ")
		return content
	}
	return filewatch.ContentOf(data)
}
