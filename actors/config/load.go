package config

import (
	"maps"
	"slices"

	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/resolve"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
	"gatehouse/messages"
)

// Sources says which files there are and what else a generation depends on.
// All of it is fixed for the life of the process.
type Sources struct {
	ServersFile string
	RulesFile   string
	EnvFiles    []string
	// Env is what variables are expanded with, but for its EnvFiles.
	Env resolve.Env
	// DefaultAgent is GATEWAY_DEFAULT_AGENT.
	DefaultAgent string
	// Lazy is for entries that don't say how they start.
	Lazy bool
	// IsSelf says why a spec would start or reach this very gateway; empty
	// when it would not.
	IsSelf func(resolve.Spec) string
	// HTTP is set if agents come over HTTP, Exposed if they need a credential
	// there, because others than this machine's users reach the listener.
	HTTP, Exposed bool
}

// Loaded is what was read from the files, parsed.
type Loaded struct {
	Servers serversfile.File
	Rules   policy.Rules
	// Credentials are those of the rules file.
	Credentials identity.Credentials
	// Problems of the files as they are: warnings and infos once they are in
	// force.
	Problems []jsondoc.Problem

	env    map[string]map[string]string
	hashes map[string]string // of each file's bytes
}

// sameBytes tells whether both were read from the same bytes.
func (l Loaded) sameBytes(other Loaded) bool { return maps.Equal(l.hashes, other.hashes) }

// Hash gives the hash of the bytes a file was loaded from.
func (l Loaded) Hash(path string) string { return l.hashes[path] }

// CodeFileUnreadable is the code of the problem that a file cannot be read.
const CodeFileUnreadable = "file-unreadable"

// Load takes each file from read and parses it. Any error among the problems
// means that nothing may be run with the result. It blocks as long as read
// does.
func Load(src Sources, read func(role messages.FileRole, path string) messages.ConfigChanged) (Loaded, []jsondoc.Problem) {
	var l Loaded
	var problems []jsondoc.Problem
	for _, path := range src.EnvFiles {
		l, problems = src.add(l, problems, read(messages.RoleEnv, path))
	}
	l, problems = src.add(l, problems, read(messages.RoleRules, src.RulesFile))
	l, problems = src.add(l, problems, read(messages.RoleServers, src.ServersFile))
	if !jsondoc.HasErrors(problems) {
		problems = append(problems, src.cross(l)...)
	}
	jsondoc.Sort(problems)
	l.Problems = problems
	return l, problems
}

func (src Sources) add(l Loaded, problems []jsondoc.Problem, m messages.ConfigChanged) (Loaded, []jsondoc.Problem) {
	next, more := src.parse(l, m)
	return next, append(problems, more...)
}

// with gives what would be loaded after a change of one file, and the
// problems of that file.
func (src Sources) with(l Loaded, m messages.ConfigChanged) (Loaded, []jsondoc.Problem) {
	next, problems := src.parse(l, m)
	if why := src.opens(l, next); why != "" && !jsondoc.HasErrors(problems) {
		problems = append(problems, rulesfile.NoCredentialLeft(m.Path, why))
	}
	if jsondoc.HasErrors(problems) {
		return l, problems
	}
	if m.Role == messages.RoleServers || m.Role == messages.RoleRules {
		problems = append(problems, src.cross(next)...)
		jsondoc.Sort(problems)
	}
	return next, problems
}

// opens says why next would let in everybody over HTTP who was kept out until
// now; empty if it would not.
func (src Sources) opens(l, next Loaded) string {
	switch {
	case !src.HTTP || !next.Credentials.Empty():
		return ""
	case !l.Credentials.Empty():
		return "until now one was needed"
	case src.Exposed:
		return "the listener can be reached from other machines"
	}
	return ""
}

func (src Sources) cross(l Loaded) []jsondoc.Problem {
	return rulesfile.CrossCheck(l.Rules, l.Servers.Names(), src.DefaultAgent)
}

// parse reads one file's bytes into a copy of l.
func (src Sources) parse(l Loaded, m messages.ConfigChanged) (Loaded, []jsondoc.Problem) {
	if m.Err != "" {
		return l, []jsondoc.Problem{{
			File: m.Path, Code: CodeFileUnreadable, Severity: jsondoc.Error, Message: m.Err,
			Hint: "put a readable file there; a running gateway goes on with what it read last",
		}}
	}
	if m.Role == messages.RoleDependency {
		return l, nil // Its bytes matter to expansion only, which reads them itself.
	}
	var problems []jsondoc.Problem
	switch m.Role {
	case messages.RoleServers:
		l.Servers, problems = serversfile.Parse(m.Path, m.Content)
	case messages.RoleRules:
		l.Rules, l.Credentials, problems = rulesfile.Parse(m.Path, m.Content)
	case messages.RoleEnv:
		var values map[string]string
		values, problems = vars.ParseDotenv(m.Path, m.Content)
		l.env = with(l.env, m.Path, values)
	case messages.RoleDependency, messages.RoleOperator:
	}
	l.hashes = with(l.hashes, m.Path, m.Hash)
	return l, problems
}

// with gives a copy of the map in which key has the value.
func with[V any](m map[string]V, key string, value V) map[string]V {
	next := maps.Clone(m)
	if next == nil {
		next = map[string]V{}
	}
	next[key] = value
	return next
}

// resolve expands every entry. It reads the files that entries refer to.
func (src Sources) resolve(l Loaded) []resolve.Server {
	env := src.Env
	for _, path := range src.EnvFiles {
		env.EnvFiles = append(slices.Clip(env.EnvFiles), l.env[path])
	}
	return resolve.Servers(l.Servers, env)
}

// Misconfigured lists the servers whose variables cannot be expanded, as
// warnings: the others run.
func (src Sources) Misconfigured(l Loaded) []jsondoc.Problem {
	var problems []jsondoc.Problem
	for _, r := range src.resolve(l) {
		if r.Problem != "" {
			problems = append(problems, jsondoc.Problem{
				File: src.ServersFile, Line: r.Entry.Pos.Line, Column: r.Entry.Pos.Column,
				Path: "mcpServers." + r.Entry.Name, Code: "server-misconfigured", Severity: jsondoc.Warning,
				Message: r.Problem, Hint: "this server will not start; the others do",
			})
		}
	}
	return problems
}
