package main

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/childproc"
	"gatehouse/internal/doctor"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/shellword"
	"gatehouse/internal/vars"
)

// lookedAt is what doctor sees of the files.
type lookedAt struct {
	facts   doctor.Files
	servers []doctor.Server
}

// lookAtFiles reads the files that run would use.
func lookAtFiles(o *fileOptions) (l lookedAt) {
	found, err := o.find()
	if err != nil {
		l.facts.Missing = o.missing(err)
		return l
	}
	src := found.sources(false, env("GATEWAY_DEFAULT_AGENT", ""), nil)
	loaded, _ := found.load(src)
	shared := sharedFiles()
	l.facts = doctor.Files{
		Servers: found.servers.Path, Rules: found.rules.Path, Problems: validate(found), Agents: len(loaded.Rules.Agents), SharedServers: shared.Servers,
		FolderWord: shellword.Of(line(filepath.Dir(found.servers.Path))),
		Shared:     shared.Servers == resolved(found.servers.Path) && shared.Rules == resolved(found.rules.Path),
	}
	l.servers = serverFacts(src, found, loaded)
	return l
}

// missing says in a line which files were not found.
func (o *fileOptions) missing(err error) string {
	named := o.mcpConfig != "" || o.rules != "" || os.Getenv(serversVariable) != "" || os.Getenv(rulesVariable) != ""
	if s, searchErr := o.search(); !named && searchErr == nil && !o.here {
		text := "there are not both a servers file (.mcp.json) and a rules file (.mcp-gateway-rules.json) in " + configFolder()
		if s.passedOver != nil {
			text += "; those of this folder are not used: " + s.passedOver.why + " (gatehouse trust)"
		}
		return text
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// serverFacts compares what servers get of this shell with what they get of a
// gateway in the background.
func serverFacts(src configactor.Sources, found foundFiles, here configactor.Loaded) []doctor.Server {
	background := nobodysEnvironment()
	src.Env.Environ = background
	there, _ := found.load(src)
	byName := map[string]resolve.Server{}
	for _, s := range there.Resolved() {
		byName[s.Entry.Name] = s
	}
	var list []doctor.Server
	for _, s := range here.Resolved() {
		if s.Entry.Disabled {
			continue
		}
		f, other := doctor.Server{Name: s.Entry.Name, Command: s.Entry.Command}, byName[s.Entry.Name]
		if s.Problem == "" {
			f.Unset = other.Problem
			if other.Problem == "" {
				f.Lost = slices.DeleteFunc(slices.Sorted(maps.Keys(s.Spec.Env)), func(name string) bool {
					_, kept := other.Spec.Env[name]
					return kept
				})
			}
		}
		lookForCommand(&f, s, background)
		list = append(list, f)
	}
	return list
}

// lookForCommand looks for a server's program as this shell, a gateway in the
// background and a desktop program would.
func lookForCommand(f *doctor.Server, s resolve.Server, background []string) {
	spec, shown := s.Spec, redact.New(s.Secrets).String
	f.Command = shown(spec.Command)
	if f.Command == "" {
		return // An address, or nobody knows.
	}
	f.Here, f.Background = shown(notFound(spec, os.Environ())), shown(notFound(spec, background))
	f.Desktop = notFound(spec, desktopEnvironment(background)) == ""
}

// notFound says why a server's program is not found with an environment; empty if
// it is.
func notFound(spec resolve.Spec, environ []string) string {
	env := vars.BaseEnv(environ, runtime.GOOS)
	for name, value := range spec.Env {
		env = append(env, name+"="+value)
	}
	if _, err := childproc.LookPath(spec.Command, env, spec.Cwd); err != nil {
		return err.Error()
	}
	return ""
}

// desktopEnvironment is an environment with the PATH that desktop programs give
// their children.
func desktopEnvironment(environ []string) []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if runtime.GOOS == "darwin" {
		path = "/usr/bin:/bin:/usr/sbin:/sbin"
	}
	return append(slices.Clip(environ), "PATH="+path)
}
