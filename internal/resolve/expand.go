package resolve

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
)

// minSecret is the length in bytes from which the value of a variable is a
// secret. Values of env and headers are secrets at any length.
const minSecret = 8

// Env is all that the expansion of variables depends on. The maps and slices
// are only read.
type Env struct {
	// EnvFiles are the values of each --env-file, in the order given. A later
	// one wins over an earlier one.
	EnvFiles []map[string]string
	// Keyring are the variables whose values a keyring has, by name, with what it
	// answered.
	Keyring map[string]vars.Stored
	// Environ is the gateway's own environment, as returned by os.Environ.
	Environ []string
	// Files are what was read of the files that entries name, their envFile
	// and each ${file:PATH}, by absolute path. What is missing here is in
	// Unread of the result.
	Files map[string]File
	// FileDir is the absolute folder of .mcp.json; empty if the entries come from no
	// folder, as in a fleet: what is relative in them is an error then.
	FileDir string
	// ServersDir is the absolute folder in which every server that names no cwd
	// has a folder of its own, see OwnFolder; empty if there is none.
	ServersDir string
	// HomeDir is the user's home, empty if there is none.
	HomeDir string
	// GOOS is the operating system, as runtime.GOOS has it.
	GOOS string
}

// File is what was read of one file.
type File struct {
	Bytes []byte
	// Reason says why the file could not be read, without its path; empty if
	// it was.
	Reason string
}

// Reference is one use of a variable in one field of an entry.
type Reference struct {
	// Field is the entry's field as Diff names it: "env", "url" and so on.
	Field string
	// Variable is VAR, or file:PATH.
	Variable string

	value  string
	set    bool
	passed bool // env_pass lets it through; nothing in the entry mentions it
}

// Expansion is one entry with its variables expanded. It holds secrets.
type Expansion struct {
	Spec Spec
	// Secrets are the values that must not be shown, sorted by name.
	Secrets []redact.Secret
	// References are the variables used, sorted, each once a field. Those that
	// could not be resolved are among them.
	References []Reference
	// Files are the absolute paths of the files that the entry names, sorted:
	// the envFile and every ${file:PATH}. A change of one of them can change
	// the expansion.
	Files []string
	// Unread are those of Files that Env lacks. If there are any, nothing else
	// means much: read them and try again. They may name more.
	Unread []string
	// Unanswered is set if a variable lacks the value that a keyring has of it.
	Unanswered bool
}

// expand replaces the variables of an entry. The reasons say all that is wrong
// with it, naming fields and variables, never values. If there are any, Spec is
// empty, while Files and References are filled as far as possible, so that a
// change that mends the trouble can be noticed.
func expand(e serversfile.Entry, env Env) (out Expansion, reasons []string) {
	x := newExpander(e, env)
	spec := x.spec()
	out = Expansion{Secrets: x.sortedSecrets(), References: x.sortedReferences(), Files: sorted(x.files), Unread: sorted(x.unread), Unanswered: x.unanswered}
	if len(x.reasons) == 0 {
		out.Spec = spec
	}
	return out, x.reasons
}

// expander expands one entry.
type expander struct {
	entry   serversfile.Entry
	env     Env
	own     map[string]string // the gateway's environment
	envFile map[string]string

	reasons []string
	secrets []redact.Secret
	refs    []Reference
	files   []string
	unread  []string

	unanswered bool
}

func newExpander(e serversfile.Entry, env Env) *expander {
	x := &expander{entry: e, env: env, own: make(map[string]string, len(env.Environ))}
	for _, entry := range env.Environ {
		if name, value, ok := vars.CutEnv(entry); ok {
			x.own[vars.FoldName(name, env.GOOS)] = value
		}
	}
	x.readEnvFile()
	return x
}

// fail notes why a field cannot be expanded.
func (x *expander) fail(field, format string, args ...any) {
	reason := field + ": " + fmt.Sprintf(format, args...)
	if !slices.Contains(x.reasons, reason) {
		x.reasons = append(x.reasons, reason)
	}
}

// spec expands what the entry's transport uses.
func (x *expander) spec() Spec {
	e := x.entry
	s := Spec{Transport: e.Transport, Scope: scopeOf(e)}
	if e.Transport != serversfile.Stdio {
		s.URL = x.url()
		s.Headers = x.headers()
		s.Auth = x.auth()
		return s
	}
	s.Command = x.command()
	for i, arg := range e.Args {
		field := jsondoc.IndexPath("args", i)
		s.Args = append(s.Args, x.noNUL(field, x.expand("args", field, arg)))
	}
	s.Cwd = x.cwd()
	s.Env = x.environment()
	return s
}

func (x *expander) cwd() string {
	switch {
	case x.entry.Cwd != "":
		return x.path("cwd", x.noNUL("cwd", x.expand("cwd", "cwd", x.entry.Cwd)))
	case x.env.ServersDir == "":
		x.fail("cwd", "is needed: there is no state folder in which the server could have a folder of its own")
		return ""
	}
	return OwnFolder(x.env.ServersDir, x.entry.Name)
}

func (x *expander) command() string {
	command := x.noNUL("command", x.expand("command", "command", x.entry.Command))
	switch {
	case command == "":
		if len(x.reasons) == 0 {
			x.fail("command", "is empty once its variables are replaced")
		}
		return ""
	case strings.Contains(command, "/") || x.env.GOOS == "windows" && strings.Contains(command, `\`):
		return x.path("command", command)
	}
	return command
}

func (x *expander) environment() map[string]string {
	env := map[string]string{}
	taken := map[string]bool{}
	for _, name := range sortedKeys(x.entry.Env) {
		field := jsondoc.KeyPath("env", name)
		env[name] = x.noNUL(field, x.expand("env", field, x.entry.Env[name]))
		taken[vars.FoldName(name, x.env.GOOS)] = true
		x.secret(field, env[name])
	}
	for _, entry := range x.env.Environ {
		name, value, ok := vars.CutEnv(entry)
		if ok && !taken[vars.FoldName(name, x.env.GOOS)] && x.passes(name) {
			env[name] = value
			x.secret(jsondoc.KeyPath("env", name), value)
			x.refs = append(x.refs, Reference{Field: "env", Variable: name, value: value, set: true, passed: true})
		}
	}
	if len(env) == 0 {
		return nil
	}
	return env
}

// passes reports whether env_pass lets a variable of the gateway's environment
// through.
func (x *expander) passes(name string) bool {
	return slices.ContainsFunc(x.entry.Settings.EnvPass, func(pattern string) bool {
		return policy.MatchPattern(vars.FoldName(pattern, x.env.GOOS), vars.FoldName(name, x.env.GOOS))
	})
}

func (x *expander) url() string {
	expanded := x.expand("url", "url", x.entry.URL)
	if len(x.reasons) > 0 {
		return ""
	}
	if reason := serversfile.BadURL(expanded); reason != "" {
		x.fail("url", "%s", reason)
		return ""
	}
	x.secrets = append(x.secrets, urlSecrets(expanded, x.entry.Name)...)
	return expanded
}

func (x *expander) headers() map[string]string {
	if len(x.entry.Headers) == 0 {
		return nil
	}
	headers := make(map[string]string, len(x.entry.Headers))
	for _, name := range sortedKeys(x.entry.Headers) {
		field := jsondoc.KeyPath("headers", name)
		value := x.expand("headers", field, x.entry.Headers[name])
		if strings.ContainsAny(withoutMark(value), "\r\n\x00") {
			x.fail(field, "the value must be one line")
		}
		headers[name] = value
		x.headerSecret(name, value)
	}
	return headers
}

// auth expands what may have variables of "gateway.auth".
func (x *expander) auth() serversfile.Auth {
	a := x.entry.Auth
	a.ClientID = x.noNUL("auth.client_id", x.expand("auth", "auth.client_id", a.ClientID))
	a.ClientSecret = x.noNUL("auth.client_secret", x.expand("auth", "auth.client_secret", a.ClientSecret))
	x.secret("auth.client_secret", a.ClientSecret)
	if x.entry.Auth.ClientSecret != "" && a.ClientSecret == "" && len(x.reasons) == 0 {
		x.fail("auth.client_secret", "is empty once its variables are replaced")
	}
	return a
}

// noNUL refuses what no process can be given.
func (x *expander) noNUL(field, value string) string {
	if strings.Contains(withoutMark(value), "\x00") {
		x.fail(field, "the value must not contain a NUL character")
	}
	return value
}

// expand replaces the variables of one text. field is what Diff calls it, at
// its place within the entry.
func (x *expander) expand(field, at, text string) string {
	var b strings.Builder
	for _, s := range vars.Segments(text) {
		if s.Variable {
			b.WriteString(x.variable(field, at, s))
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

func (x *expander) variable(field, at string, s vars.Segment) string {
	if serversfile.IsAgentVariable(s) && x.entry.Settings.Scope != serversfile.ScopeShared {
		return agentMark
	}
	v, reason := vars.ParseVariable(s)
	if reason != "" {
		x.fail(at, "%s", reason)
		return ""
	}
	value, err := x.resolve(v)
	known, unanswered := err == nil, errors.Is(err, errUnanswered)
	x.unanswered = x.unanswered || unanswered
	if value == "" && v.HasDefault && !unanswered {
		value, known = v.Fallback, true
	}
	x.refs = append(x.refs, Reference{Field: field, Variable: v.Name, value: value, set: known})
	if !known {
		x.unresolved(at, v, err)
		return ""
	}
	if len(value) >= minSecret && !vars.IsPlace(v.Name) {
		x.secret(v.Name, value)
	}
	return value
}

// unresolved notes that a variable has no value, unless that is because the
// entry's envFile, already complained of, could not be read.
func (x *expander) unresolved(at string, v vars.Variable, err error) {
	if v.Path == "" && x.entry.EnvFile != "" && x.envFile == nil && len(x.reasons) > 0 {
		return
	}
	x.fail(at, "%v", err)
}

func (x *expander) sortedReferences() []Reference {
	slices.SortFunc(x.refs, func(a, b Reference) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Variable, b.Variable),
			strings.Compare(a.value, b.value))
	})
	return slices.Compact(x.refs)
}

// sorted is a sorted copy without doubles.
func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
