package config

import (
	"cmp"
	"maps"
	"slices"

	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/trust"
	"gatehouse/internal/vars"
	"gatehouse/messages"
)

// Sources says which files there are and what else a generation depends on.
// All of it is fixed for the life of the process.
type Sources struct {
	ServersFile string
	RulesFile   string
	EnvFiles    []string
	// OwnEnvFile is the one of EnvFiles that may be missing, and is empty then;
	// empty if there is none.
	OwnEnvFile string
	// KeyringFile lists the variables whose values are in the keyring of the system; it
	// may be missing. Empty if there is no place for it.
	KeyringFile string
	// Approved is what the owner of a project has approved of these files: only
	// that is ever used. Nil means that the files are the owner's own.
	Approved *trust.Project
	// Env is what variables are expanded with, but for its EnvFiles, Keyring and Files.
	Env resolve.Env
	// DefaultAgent is GATEWAY_DEFAULT_AGENT.
	DefaultAgent string
	// Lazy is for entries that don't say how they start.
	Lazy bool
	// ReachesSelf reports whether a url is the address of this very gateway. It
	// must not block.
	ReachesSelf func(url string) bool
	// RunsSelf reports whether a command is this very program. It looks at
	// files, so it may block. It is called from one goroutine at a time and
	// must not panic.
	RunsSelf func(resolve.Spec) bool
	// HTTP is set if agents come over HTTP, Exposed if they need a credential
	// there, because the listener can be reached from other machines.
	HTTP, Exposed bool
	// Live are secrets that come and go, such as the tokens of logins; nil if there
	// are none.
	Live *redact.Live
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

	env      map[string]map[string]string
	stored   map[string]vars.Stored // what the keyring has of variables
	hashes   map[string]string      // of the bytes of each file but the named ones
	named    map[string]named       // what entries name, by path
	own      map[string]bool        // whether a program is the gateway\'s own, by the fingerprint of its spec
	resolved []resolve.Server       // what follows from all of it
}

// named is what was read last of a file that entries name.
type named struct {
	file resolve.File
	mark string
}

// sameBytes reports whether both were read from the same bytes, named files
// apart.
func (l Loaded) sameBytes(other Loaded) bool { return maps.Equal(l.hashes, other.hashes) }

// Hash is the hash of the bytes a file was loaded from.
func (l Loaded) Hash(path string) string { return l.hashes[path] }

// Resolved are the entries with their variables expanded, in the order of the
// file. They hold secrets. The caller must not change them.
func (l Loaded) Resolved() []resolve.Server { return l.resolved }

// Named are the marks of what was read of the files that entries name, by path.
func (l Loaded) Named() map[string]string {
	marks := make(map[string]string, len(l.named))
	for path, n := range l.named {
		marks[path] = n.mark
	}
	return marks
}

// CodeFileUnreadable is the code of the problem that a file cannot be read.
const CodeFileUnreadable = "file-unreadable"

// Load takes each file from read and parses it, and then those that entries
// name. Any error among the problems means that nothing may be run with the
// result. It blocks as long as read does.
func Load(src Sources, read func(role messages.FileRole, path string) messages.ConfigChanged) (Loaded, []jsondoc.Problem) {
	var l Loaded
	var problems []jsondoc.Problem
	if src.Approved != nil {
		all := read
		read = func(role messages.FileRole, path string) messages.ConfigChanged {
			return src.onlyApproved(all(role, path))
		}
	}
	for _, path := range src.EnvFiles {
		l, problems = src.add(l, problems, read(messages.RoleEnv, path))
	}
	if src.KeyringFile != "" {
		l, problems = src.add(l, problems, read(messages.RoleKeyring, src.KeyringFile))
	}
	l, problems = src.add(l, problems, read(messages.RoleRules, src.RulesFile))
	l, problems = src.add(l, problems, read(messages.RoleServers, src.ServersFile))
	if !jsondoc.HasErrors(problems) {
		problems = append(problems, src.cross(l)...)
		l = src.readNamed(l, read)
		l = l.checked(checkAll(l.unchecked(), src.RunsSelf))
	}
	jsondoc.Sort(problems)
	l.Problems = problems
	return l, problems
}

// onlyApproved is what was read of one file at the start, without its content
// if that was not approved.
func (src Sources) onlyApproved(m messages.ConfigChanged) messages.ConfigChanged {
	switch m.Role {
	case messages.RoleDependency:
		return onlyApproved(*src.Approved, m)
	case messages.RoleServers, messages.RoleRules:
		if m.Err == "" && m.Hash != src.Approved.Hash(trust.Role(m.Role)) {
			m.Content, m.Hash, m.Reason = nil, "", "it has changed since it was approved"
			m.Err = "cannot read " + m.Path + ": " + m.Reason
		}
	case messages.RoleEnv, messages.RoleKeyring, messages.RoleTrust, messages.RoleOperator:
	}
	return m
}

// readNamed reads the files that entries name, and those that turn out to be
// named by what was in them.
func (src Sources) readNamed(l Loaded, read func(role messages.FileRole, path string) messages.ConfigChanged) Loaded {
	for {
		l = src.resolve(l)
		unread := resolve.Unread(l.resolved)
		if len(unread) == 0 {
			return l
		}
		for _, path := range unread {
			l = l.with(read(messages.RoleDependency, path))
		}
	}
}

// unchecked are the specs of programs that may be the gateway's own, by
// fingerprint.
func (l Loaded) unchecked() map[string]resolve.Spec {
	specs := map[string]resolve.Spec{}
	for _, r := range l.resolved {
		if _, known := l.own[r.Fingerprint]; !known && r.Spec.Transport == serversfile.Stdio {
			specs[r.Fingerprint] = r.Spec
		}
	}
	return specs
}

// checked takes over what was found out about programs.
func (l Loaded) checked(own map[string]bool) Loaded {
	l.own = maps.Clone(l.own)
	if l.own == nil {
		l.own = map[string]bool{}
	}
	maps.Copy(l.own, own)
	return l
}

// with takes over what was read of a file that entries name.
func (l Loaded) with(m messages.ConfigChanged) Loaded {
	l.named = with(l.named, m.Path, named{resolve.File{Bytes: m.Content, Reason: m.Reason}, m.Mark()})
	return l
}

func (src Sources) add(l Loaded, problems []jsondoc.Problem, m messages.ConfigChanged) (Loaded, []jsondoc.Problem) {
	next, more := src.parse(l, m)
	return next, append(problems, more...)
}

// with returns what would be loaded after a change of one file, and the
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

// parse reads one file's bytes into a copy of l. A file that cannot be read is a
// problem, unless entries name it and it never was read: then it is one of
// theirs.
func (src Sources) parse(l Loaded, m messages.ConfigChanged) (Loaded, []jsondoc.Problem) {
	_, known := l.named[m.Path]
	if m.Missing && src.mayBeMissing(m) && l.hashes[m.Path] == "" {
		return l, nil
	}
	if m.Err != "" && (m.Role != messages.RoleDependency || known) {
		return l, []jsondoc.Problem{{
			File: m.Path, Code: CodeFileUnreadable, Severity: jsondoc.Error, Message: "cannot read the file: " + cmp.Or(m.Reason, m.Err),
			Hint: "put a readable file there; a running gateway goes on with what it read last",
		}}
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
	case messages.RoleKeyring:
		l.stored, problems = storedBy(l.stored, m)
	case messages.RoleDependency:
		return l.with(m), nil
	case messages.RoleTrust, messages.RoleOperator: // No file of these is parsed.
	}
	l.hashes = with(l.hashes, m.Path, m.Hash)
	return l, problems
}

// mayBeMissing reports whether nothing is wrong if a file was never there.
func (src Sources) mayBeMissing(m messages.ConfigChanged) bool {
	return m.Role == messages.RoleEnv && m.Path == src.OwnEnvFile || m.Role == messages.RoleKeyring
}

// storedBy takes over what a keyring has answered. Of a value that it has given before
// and does not give now, as it is locked, say, the earlier answer counts: the item is the
// same, and so is the value.
func storedBy(before map[string]vars.Stored, m messages.ConfigChanged) (map[string]vars.Stored, []jsondoc.Problem) {
	list, problems := vars.ParseKept(m.Path, m.Content)
	if jsondoc.HasErrors(problems) {
		return before, problems
	}
	now := make(map[string]vars.Stored, len(list))
	for _, k := range list {
		answer, was := m.Stored[k.Name], before[k.Name]
		if answer.Item != k.Item {
			answer = vars.Stored{Item: k.Item, Why: "it was not asked for it; run: gatehouse reload"}
		}
		if answer.Why != "" && !answer.Gone && was.Why == "" && was.Item == k.Item {
			answer = was
		}
		now[k.Name] = answer
	}
	return now, problems
}

// with returns a copy of the map in which key has the value.
func with[V any](m map[string]V, key string, value V) map[string]V {
	next := maps.Clone(m)
	if next == nil {
		next = map[string]V{}
	}
	next[key] = value
	return next
}

// resolve expands every entry.
func (src Sources) resolve(l Loaded) Loaded {
	env := src.Env
	for _, path := range src.EnvFiles {
		env.EnvFiles = append(slices.Clip(env.EnvFiles), l.env[path])
	}
	env.Keyring = l.stored
	env.Files = make(map[string]resolve.File, len(l.named))
	for path, n := range l.named {
		env.Files[path] = n.file
	}
	l.resolved = resolve.Servers(l.Servers, env)
	return l
}

// Misconfigured lists the servers whose variables cannot be expanded, as
// warnings: the others run.
func (src Sources) Misconfigured(l Loaded) []jsondoc.Problem {
	var problems []jsondoc.Problem
	for _, r := range l.resolved {
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
