package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	configactor "gatehouse/actors/config"
	"gatehouse/actors/watcher"
	"gatehouse/internal/filewatch"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/plural"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/trust"
	"gatehouse/messages"
)

// foundFiles are the files of one command and why they were chosen.
type foundFiles struct {
	fleet          bool // they are those of a fleet, in its store
	servers, rules locate.Found
	envFiles       []locate.Found
	keyring        keyringFile
	project        *project // whose files these are, approved; nil if they are the user's own
	passedOver     *project // the files in the working directory if they are not used
}

// envPaths are the paths of the env files.
func (f foundFiles) envPaths() []string {
	var paths []string
	for _, found := range f.envFiles {
		paths = append(paths, found.Path)
	}
	return paths
}

// find decides which files to use. The error names all that is missing.
func (o *fileOptions) find() (foundFiles, error) {
	s, err := o.search()
	if err != nil {
		return foundFiles{}, err
	}
	f := foundFiles{project: s.project, passedOver: s.passedOver}
	var errs [2]error
	f.servers, errs[0] = locate.FindServers(s.place(o.mcpConfig, serversVariable))
	f.rules, errs[1] = locate.FindRules(s.place(o.rules, rulesVariable))
	if err := errors.Join(errs[:]...); err != nil {
		return f, err
	}
	f.envFiles, err = o.findEnvFiles(s)
	f.keyring = findKeyringFile()
	return f, err
}

// findRules decides which rules file to use, for commands that need no other.
// It says on w that those of the working directory are not used.
func (o *fileOptions) findRules(w io.Writer) (locate.Found, error) {
	s, err := o.search()
	if err != nil {
		return locate.Found{}, err
	}
	found, err := locate.FindRules(s.place(o.rules, rulesVariable))
	if err == nil && o.rules == "" {
		printProblems(w, s.passedOver.problems())
	}
	return found, err
}

// findEnvFiles lists the env files: the one of the config folder first, as
// what a flag or a variable names counts more.
func (o *fileOptions) findEnvFiles(s search) ([]locate.Found, error) {
	why, paths := "--env-file", o.envFiles
	if len(paths) == 0 {
		why, paths = envFileVariable, filepath.SplitList(os.Getenv(envFileVariable))
	}
	var files []locate.Found
	for _, path := range paths {
		found, err := locate.Named(why, path, s.place("", ""))
		if err != nil {
			return nil, err
		}
		files = append(files, found)
	}
	own, ok := locate.OwnEnvFile(s.configDir)
	if ok && !slices.ContainsFunc(files, func(f locate.Found) bool { return f.Path == own.Path }) {
		files = slices.Insert(files, 0, own)
	}
	return files, nil
}

// The variables that name files.
const (
	serversVariable = "GATEWAY_MCP_CONFIG"
	rulesVariable   = "GATEWAY_RULES"
	envFileVariable = "GATEWAY_ENV_FILE"
)

// search is where to look for files.
type search struct {
	workDir, home, configDir string
	here                     bool
	project, passedOver      *project // what is in the working directory; at most one is set
}

// search looks at the working directory, unless it does not matter. A
// project's files are used together or not at all.
func (o *fileOptions) search() (search, error) {
	workDir, err := workingFolder()
	if err != nil {
		return search{}, err
	}
	s := search{workDir: workDir, home: homeDir(), here: o.here} // Without a home, ~ is an error where it is used.
	s.configDir = locate.ConfigDir(runtime.GOOS, os.Getenv, s.home)
	servers, rules := o.mcpConfig != "" || os.Getenv(serversVariable) != "", o.rules != "" || os.Getenv(rulesVariable) != ""
	if o.here || servers && rules {
		return s, nil
	}
	p := lookAtProject(workDir, configFolder())
	switch {
	case p == nil:
	case p.state != trust.Approved:
		s.passedOver = p
	case servers || rules:
		p.why = "the two files of a project are used together, and one of the two was named"
		s.passedOver = p
	default:
		s.project = p
	}
	return s, nil
}

// place is where to look for a file that a flag or a variable may name.
func (s search) place(flag, variable string) locate.Place {
	p := locate.Place{
		Flag: flag, Env: os.Getenv(variable), WorkDir: s.workDir, HomeDir: s.home, ConfigDir: s.configDir,
		Here: s.here, Exists: exists,
	}
	if s.project != nil {
		p.WorkDir, p.Approved = s.project.dir, true
	}
	if s.passedOver != nil {
		p.WhyNot = s.passedOver.why
	}
	return p
}

func exists(path string) bool {
	_, err := os.Lstat(path) // A dangling link is an error, not a missing file.
	return err == nil || !errors.Is(err, os.ErrNotExist)
}

// sources returns what the config actor needs to make generations of the files.
func (f foundFiles) sources(lazy bool, defaultAgent string, listener net.Listener) configactor.Sources {
	home := homeDir()
	src := configactor.Sources{
		ServersFile: f.servers.Path, RulesFile: f.rules.Path, EnvFiles: f.envPaths(), OwnEnvFile: f.ownEnvFile(), KeyringFile: f.keyring.Path,
		Env: resolve.Env{
			Environ: os.Environ(), FileDir: filepath.Dir(f.servers.Path), ServersDir: serversFolder(), HomeDir: home, GOOS: runtime.GOOS,
		},
		DefaultAgent: defaultAgent, Lazy: lazy,
		ReachesSelf: reachesSelf(listener), RunsSelf: runsSelf(), Live: &redact.Live{},
	}
	if f.project != nil {
		src.Approved = &f.project.approved
	}
	return src
}

// load reads and parses all files.
func (f foundFiles) load(src configactor.Sources) (configactor.Loaded, []jsondoc.Problem) {
	read := readFile
	switch {
	case f.project != nil:
		read = f.project.read
	case f.fleet:
		read = readNothing
	}
	var servers []byte
	loaded, problems := configactor.Load(src, func(role messages.FileRole, path string) messages.ConfigChanged {
		m := read(role, path)
		switch role { //nolint:exhaustive // The others are taken as they are.
		case messages.RoleServers:
			servers = m.Content
		case messages.RoleKeyring:
			m.Stored = f.keyring.stored(m.Content)
		}
		return m
	})
	for _, found := range append([]locate.Found{f.servers, f.rules}, f.envFiles...) {
		problems = append(problems, found.Problems()...)
	}
	problems = append(problems, f.doubts(loaded, servers)...)
	if !jsondoc.HasErrors(problems) {
		problems = append(problems, f.reach(loaded)...)
	}
	jsondoc.Sort(problems)
	return loaded, problems
}

// ownEnvFile is the env file that may be missing; empty if there is none.
func (f foundFiles) ownEnvFile() string {
	for _, found := range f.envFiles {
		if found.Optional {
			return found.Path
		}
	}
	return ""
}

func readFile(role messages.FileRole, path string) messages.ConfigChanged {
	return fileRead(role, path, filewatch.Read(path))
}

// fileRead is what was read of a file at the start.
func fileRead(role messages.FileRole, path string, content filewatch.Content) messages.ConfigChanged {
	return messages.ConfigChanged{
		Role: role, Path: path, Trigger: "start", Content: content.Bytes, Hash: content.Hash, Err: content.Err, Reason: content.Reason, Missing: content.Missing,
	}
}

func watchedFiles(src configactor.Sources, l configactor.Loaded) []watcher.File {
	var files []watcher.File
	if src.ServersFile != fleetServersFile {
		files = append(files,
			watcher.File{Role: messages.RoleServers, Path: src.ServersFile, Mark: l.Hash(src.ServersFile)},
			watcher.File{Role: messages.RoleRules, Path: src.RulesFile, Mark: l.Hash(src.RulesFile)})
	}
	for _, path := range src.EnvFiles {
		files = append(files, watcher.File{
			Role: messages.RoleEnv, Path: path, Mark: markOf(path, l.Hash(path)), Optional: path == src.OwnEnvFile,
		})
	}
	if path := src.KeyringFile; path != "" {
		files = append(files, watcher.File{Role: messages.RoleKeyring, Path: path, Mark: markOf(path, l.Hash(path)), Optional: true})
	}
	if src.Approved != nil {
		files = append(files, watcher.File{Role: messages.RoleTrust, Path: recordPath()}) // It may have changed since the start looked at it.
	}
	for path, mark := range l.Named() {
		files = append(files, watcher.File{Role: messages.RoleDependency, Path: path, Mark: mark})
	}
	return files
}

// markOf is the mark of a file that was loaded with this hash. One that was not
// there is news as soon as it is.
func markOf(path, hash string) string {
	if hash != "" {
		return hash
	}
	if content := filewatch.Read(path); content.Err != "" {
		return content.Mark()
	}
	return "not there"
}

// printProblems writes each problem on a line, and its hint on a second one.
func printProblems(w io.Writer, problems []jsondoc.Problem) {
	for _, p := range problems {
		fmt.Fprintf(w, "%s: %s [%s]\n", p.Severity, p, p.Code)
		if p.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", p.Hint)
		}
	}
}

// count says how many problems of a severity there are: "1 error".
func count(problems []jsondoc.Problem, s jsondoc.Severity) string {
	n := 0
	for _, p := range problems {
		if p.Severity == s {
			n++
		}
	}
	return plural.Of(n, string(s))
}
