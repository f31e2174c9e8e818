package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"

	configactor "gatehouse/actors/config"
	"gatehouse/actors/watcher"
	"gatehouse/internal/filewatch"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/plural"
	"gatehouse/internal/resolve"
	"gatehouse/messages"
)

// foundFiles are the files of one command and why they were chosen.
type foundFiles struct {
	servers, rules locate.Found
	envFiles       []string
}

// find decides which files to use. The error names all that is missing.
func (o *fileOptions) find() (foundFiles, error) {
	place, err := o.places()
	if err != nil {
		return foundFiles{}, err
	}
	var f foundFiles
	var errs [2]error
	f.servers, errs[0] = locate.FindServers(place(o.mcpConfig, "GATEWAY_MCP_CONFIG"))
	f.rules, errs[1] = locate.FindRules(place(o.rules, "GATEWAY_RULES"))
	if err := errors.Join(errs[:]...); err != nil {
		return f, err
	}
	envFiles := o.envFiles
	if len(envFiles) == 0 {
		envFiles = filepath.SplitList(os.Getenv("GATEWAY_ENV_FILE"))
	}
	for _, path := range envFiles {
		p := place(path, "")
		abs, err := locate.ResolvePath(path, p.WorkDir, p.HomeDir)
		if err != nil {
			return f, err
		}
		f.envFiles = append(f.envFiles, abs)
	}
	return f, nil
}

// findRules decides which rules file to use, for commands that need no other.
func (o *fileOptions) findRules() (locate.Found, error) {
	place, err := o.places()
	if err != nil {
		return locate.Found{}, err
	}
	return locate.FindRules(place(o.rules, "GATEWAY_RULES"))
}

// places says where to look for a file that a flag or a variable may name.
func (o *fileOptions) places() (func(flag, variable string) locate.Place, error) {
	workDir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	home := homeDir() // Without one, ~ is an error where it is used.
	return func(flag, variable string) locate.Place {
		return locate.Place{
			Flag: flag, Env: os.Getenv(variable), WorkDir: workDir, HomeDir: home,
			ConfigDir: locate.ConfigDir(runtime.GOOS, os.Getenv, home), Exists: exists,
		}
	}, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path) // A dangling link is to be complained of, not passed over.
	return err == nil || !errors.Is(err, os.ErrNotExist)
}

// sources says how the files become generations.
func (f foundFiles) sources(lazy bool, defaultAgent string, listener net.Listener) configactor.Sources {
	home := homeDir()
	return configactor.Sources{
		ServersFile: f.servers.Path, RulesFile: f.rules.Path, EnvFiles: f.envFiles,
		Env: resolve.Env{
			Environ: os.Environ(), FileDir: filepath.Dir(f.servers.Path), ServersDir: serversFolder(), HomeDir: home, GOOS: runtime.GOOS,
		},
		DefaultAgent: defaultAgent, Lazy: lazy,
		ReachesSelf: reachesSelf(listener), RunsSelf: runsSelf(),
	}
}

// load reads and parses all files.
func (f foundFiles) load(src configactor.Sources) (configactor.Loaded, []jsondoc.Problem) {
	loaded, problems := configactor.Load(src, readFile)
	problems = append(problems, f.rules.Problems()...)
	problems = append(problems, writableByOthers(f.rules.Path)...)
	if !jsondoc.HasErrors(problems) {
		problems = append(problems, f.reach(loaded)...)
	}
	jsondoc.Sort(problems)
	return loaded, problems
}

// writableByOthers warns if other users may change the rules. Links are
// followed: what they lead to is what counts.
func writableByOthers(path string) []jsondoc.Problem {
	if runtime.GOOS == "windows" {
		return nil // Its permissions are no Unix modes.
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
	return locate.WritableByOthers(path, file.Mode(), folder.Mode())
}

func readFile(role messages.FileRole, path string) messages.ConfigChanged {
	content := filewatch.Read(path)
	return messages.ConfigChanged{
		Role: role, Path: path, Trigger: "start", Content: content.Bytes, Hash: content.Hash, Err: content.Err, Reason: content.Reason,
	}
}

func watchedFiles(src configactor.Sources, l configactor.Loaded) []watcher.File {
	files := []watcher.File{
		{Role: messages.RoleServers, Path: src.ServersFile, Mark: l.Hash(src.ServersFile)},
		{Role: messages.RoleRules, Path: src.RulesFile, Mark: l.Hash(src.RulesFile)},
	}
	for _, path := range src.EnvFiles {
		files = append(files, watcher.File{Role: messages.RoleEnv, Path: path, Mark: l.Hash(path)})
	}
	for path, mark := range l.Named() {
		files = append(files, watcher.File{Role: messages.RoleDependency, Path: path, Mark: mark})
	}
	return files
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
