package clients

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/policy"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
)

// entryReader reads one server.
type entryReader struct {
	*reader

	server  *Server
	base    string
	ignored []string
	typed   bool // the transport is said
	url     *jsondoc.Node
	cleaned bool
	madeUp  map[string]string // variables for what cannot be translated
}

// entry reads one server and adds it to what was found.
func (r *reader) entry(name string, pos policy.Position, n *jsondoc.Node, base string) {
	e := entryReader{reader: r, base: base, server: &Server{Client: r.client, Pos: pos, Name: name}}
	e.name()
	r.found.Servers = append(r.found.Servers, e.server)
	if n.Kind != jsondoc.KindObject {
		e.leaveOut("it should be an object, and is %s", jsondoc.WithArticle(n.Kind))
		return
	}
	e.members(n)
	e.complete()
	if len(e.ignored) > 0 {
		slices.Sort(e.ignored)
		e.note(Info, "means nothing here: %s", strings.Join(slices.Compact(e.ignored), ", "))
	}
}

// name makes the name one that is valid here.
func (e *entryReader) name() {
	written := e.server.Name
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(written, "-") {
		if strings.ContainsRune("*?[]", c) || !unicode.IsPrint(c) {
			c = '-'
		}
		if b.Len() < 120 {
			b.WriteRune(c)
		}
	}
	if e.server.Name = strings.TrimSpace(b.String()); e.server.Name == "" {
		e.server.Name = e.client.ID + "-server"
	}
	e.server.Written = written
	if e.server.Name != written {
		e.note(Attention, "its name cannot be one here: it is called %q", e.server.Name)
	}
}

func (e *entryReader) note(kind Kind, format string, args ...any) {
	e.say(e.server.Pos, e.server.Name, kind, format, args...)
}

// leaveOut notes why the server cannot be taken over; the first reason counts.
func (e *entryReader) leaveOut(format string, args ...any) {
	if e.server.LeftOut == "" {
		e.note(Left, format, args...)
		e.server.LeftOut = e.found.Notes[len(e.found.Notes)-1].Text
	}
}

func (e *entryReader) members(n *jsondoc.Node) {
	keys := entryKeys()
	for _, m := range n.Members() {
		if m.Value.Kind == jsondoc.KindNull {
			continue
		}
		if read, known := keys[m.Key]; known && !slices.Contains(e.client.dialect.approvals, m.Key) {
			read(e, m)
			continue
		}
		e.other(m)
	}
}

// clean takes control characters out of a text.
func (e *entryReader) clean(s, field string) string {
	cleaned := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' && c != '\r' || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, ""))
	if cleaned != s && !e.cleaned {
		e.cleaned = true
		e.note(Attention, "control characters were taken out of %s", show(field))
	}
	return cleaned
}

// printable is a text without control characters.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, ""))
}

// entryKeys returns the keys of an entry that mean something here, as all clients
// write them. Where they differ the dialect says so.
func entryKeys() map[string]func(*entryReader, jsondoc.Member) {
	return map[string]func(*entryReader, jsondoc.Member){
		"command": (*entryReader).command, "cmd": (*entryReader).command,
		"args": (*entryReader).args, "arguments": (*entryReader).args,
		"env": (*entryReader).env, "environment": (*entryReader).env, "envs": (*entryReader).env, "envVars": (*entryReader).env,
		"env_keys": (*entryReader).envNames, "env_vars": (*entryReader).envNames,
		"envFile": (*entryReader).envFile,
		"cwd":     (*entryReader).cwd, "workingDirectory": (*entryReader).cwd, "working_directory": (*entryReader).cwd, "workdir": (*entryReader).cwd,
		"url": (*entryReader).address, "uri": (*entryReader).address, "serverUrl": (*entryReader).address, "endpoint": (*entryReader).address,
		"httpUrl": (*entryReader).address, "sseUrl": (*entryReader).address,
		"headers": (*entryReader).headers, "http_headers": (*entryReader).headers, "httpHeaders": (*entryReader).headers,
		"requestOptions": (*entryReader).requestOptions, "requestInit": (*entryReader).requestOptions,
		"env_http_headers": (*entryReader).headersFromEnv, "envHeaders": (*entryReader).headersFromEnv,
		"bearer_token_env_var": (*entryReader).bearerVariable, "bearerTokenEnvVar": (*entryReader).bearerVariable,
		"bearer_token": (*entryReader).bearer,
		"type":         (*entryReader).transport, "transport": (*entryReader).transport, "transportType": (*entryReader).transport,
		"description": (*entryReader).description,
		"disabled":    (*entryReader).disabled, "enabled": (*entryReader).enabled, "isActive": (*entryReader).enabled,
		"disabledTools": (*entryReader).denyTools, "disabled_tools": (*entryReader).denyTools, "excludeTools": (*entryReader).denyTools,
		"exclude_tools": (*entryReader).denyTools, "blockedTools": (*entryReader).denyTools, "deniedTools": (*entryReader).denyTools,
		"enabledTools": (*entryReader).allowTools, "enabled_tools": (*entryReader).allowTools, "includeTools": (*entryReader).allowTools,
		"include_tools": (*entryReader).allowTools, "allowedTools": (*entryReader).allowTools, "allowed_tools": (*entryReader).allowTools,
		"available_tools": (*entryReader).allowTools, "availableTools": (*entryReader).allowTools, "onlyAllow": (*entryReader).allowTools,
		"tools": (*entryReader).tools, "toolFilter": (*entryReader).toolFilter, "options": (*entryReader).options,
		"sandbox": (*entryReader).sandbox, "sandboxEnabled": (*entryReader).sandbox,
		"authTokens": (*entryReader).authTokens,
	}
}

// notRestricting are keys about what is asked before a call, which restrict
// nothing.
var notRestricting = []string{
	"alwaysAllow", "autoApprove", "auto_approve", "trust", "autoAllow", "default_tools_approval_mode", "alwaysAllowTools", "enabledForPrompt",
}

// other notes a key that means nothing here.
func (e *entryReader) other(m jsondoc.Member) {
	if limit, ok := e.client.dialect.times[m.Key]; ok {
		e.timeLimit(m.Key, m.Value, limit)
		return
	}
	switch key := show(m.Key); {
	case slices.Contains(notRestricting, m.Key) || slices.Contains(e.client.dialect.approvals, m.Key):
		e.note(Info, "%s restricts nothing: what is asked before a call stays the client's affair", key)
	case m.Key == "oauth" || m.Key == "auth" || m.Key == "authProviderType" || m.Key == "headersHelper" || m.Key == "targetAudience" || m.Key == "targetServiceAccount":
		if m.Value.Kind != jsondoc.KindBool || m.Value.Bool() {
			e.note(Attention, "%s cannot be taken over: gatehouse signs in with headers alone; write a token into \"headers\"", key)
		}
	case m.Key == "envFilter" || m.Key == "inheritParentEnv":
		e.note(Attention, "%s means nothing here: name in \"env\" what the server needs of the environment", key)
	case (m.Key == "name" || m.Key == "id") && printable(m.Value.Text()) == e.server.Name:
	default:
		e.ignored = append(e.ignored, key)
	}
}

func (e *entryReader) command(m jsondoc.Member) {
	switch n := m.Value; {
	case n.Kind == jsondoc.KindArray: // opencode: with the arguments.
		for i, word := range n.Elements() {
			switch {
			case !scalar(word):
				e.leaveOut("its command is not made of texts")
			case i == 0:
				e.server.Command = e.value(word.Text(), "command")
			default:
				e.server.Args = append(e.server.Args, e.value(word.Text(), "args"))
			}
		}
	case n.Kind == jsondoc.KindObject: // Zed, until 2025.
		for _, inner := range n.Members() {
			switch inner.Key {
			case "path", "command":
				e.command(inner)
			case "args":
				e.args(inner)
			case "env":
				e.env(inner)
			default:
				e.ignored = append(e.ignored, "command."+show(inner.Key))
			}
		}
	case scalar(n):
		e.server.Command = e.value(n.Text(), "command")
	}
}

func (e *entryReader) args(m jsondoc.Member) {
	elements := m.Value.Elements()
	if scalar(m.Value) {
		elements = []*jsondoc.Node{m.Value}
		e.note(Attention, "%s is a text and not a list: it is one argument", show(m.Key))
	}
	for _, n := range elements {
		switch {
		case scalar(n):
			e.server.Args = append(e.server.Args, e.value(n.Text(), "args"))
		case n.Kind != jsondoc.KindNull:
			e.leaveOut("one of its arguments is %s", jsondoc.WithArticle(n.Kind))
		}
	}
}

// env reads the environment: an object, or a list of NAME=value or of objects with
// both.
func (e *entryReader) env(m jsondoc.Member) {
	for _, v := range m.Value.Members() {
		e.setEnv(v.Key, v.Value)
	}
	for _, n := range m.Value.Elements() {
		if name, value := n.Member("name"), n.Member("value"); name != nil && value != nil {
			e.setEnv(name.Text(), value)
		} else if name, value, ok := strings.Cut(n.Text(), "="); ok {
			e.addEnv(name, e.value(value, name))
		} else if plainName().MatchString(n.Text()) {
			e.addEnv(n.Text(), variable(n.Text()))
		} else {
			e.note(Attention, "one of its %s cannot be read", show(m.Key))
		}
	}
}

func (e *entryReader) setEnv(name string, n *jsondoc.Node) {
	empty := n.Kind == jsondoc.KindNull || n.Kind == jsondoc.KindString && n.Text() == ""
	switch {
	case empty && e.client.dialect.emptyIsOwn && plainName().MatchString(name): // It takes its own then.
		e.addEnv(name, variable(name))
	case n.Kind == jsondoc.KindNull:
		e.ignored = append(e.ignored, "env."+show(name)+" (null)")
	case scalar(n):
		e.addEnv(name, e.value(n.Text(), name))
	default:
		e.note(Attention, "env.%s is %s, which no variable can be", show(name), jsondoc.WithArticle(n.Kind))
	}
}

func (e *entryReader) addEnv(name string, v Value) {
	if name = printable(name); name == "" || strings.Contains(name, "=") {
		e.note(Attention, "a variable of its env has no valid name: it is left out")
		return
	}
	e.server.Env = put(e.server.Env, Named{name, v})
}

func put(list []Named, n Named) []Named {
	list = slices.DeleteFunc(list, func(old Named) bool { return old.Name == n.Name })
	return append(list, n)
}

// envNames reads names of variables that the client hands on.
func (e *entryReader) envNames(m jsondoc.Member) {
	for _, n := range m.Value.Elements() {
		name := n.Text()
		if inner := n.Member("name"); inner != nil {
			name = inner.Text()
		}
		if !plainName().MatchString(name) {
			e.note(Attention, "one of its %s cannot be read", show(m.Key))
			continue
		}
		if slices.ContainsFunc(e.server.Env, func(have Named) bool { return have.Name == name }) {
			continue
		}
		e.addEnv(name, variable(name))
		if e.client.ID == "goose" {
			e.note(Attention, "the value of %s is in Goose's own store: set %s in gatehouse.env", name, name)
		} else {
			e.note(Attention, "%s comes from the client's environment: set %s in gatehouse.env", name, name)
		}
	}
}

// envFile reads the file of variables that the client hands to the server.
func (e *entryReader) envFile(m jsondoc.Member) {
	path, plain := e.value(m.Value.Text(), "envFile").Plain()
	if !plain || path == "" {
		e.note(Attention, "envFile has a variable in it: name in \"env\" what the server needs of it")
		return
	}
	if !underHome(path) && !filepath.IsAbs(path) {
		base := e.base
		if base == "" {
			base = filepath.Dir(e.from.Path)
		}
		path = filepath.Join(base, path)
	}
	e.server.EnvFile = path
	if !e.client.dialect.envFile {
		return
	}
	data, err := e.read(path)
	if err != nil {
		e.note(Attention, "its envFile cannot be read: name in \"env\" what the server needs of it")
		return
	}
	values, problems := vars.ParseDotenv(path, data)
	if jsondoc.HasErrors(problems) {
		e.note(Attention, "its envFile cannot be read (%s): name in \"env\" what the server needs of it", problems[0].Code)
		return
	}
	for _, name := range sortedKeys(values) {
		if !slices.ContainsFunc(e.server.Env, func(have Named) bool { return have.Name == name }) {
			e.server.Env = append(e.server.Env, Named{name, variable(name)})
		}
	}
}

func (e *entryReader) cwd(m jsondoc.Member) { e.server.Cwd = e.value(m.Value.Text(), "cwd") }

func (e *entryReader) description(m jsondoc.Member) {
	if m.Value.Kind == jsondoc.KindString {
		e.server.Description = printable(strings.Join(strings.Fields(m.Value.Text()), " "))
	}
}

var drive = lazyregexp.New(`^[A-Za-z]:[\\/]`)

// absolute reports whether a path leads to one place wherever it is read.
func absolute(path string) bool {
	return underHome(path) || filepath.IsAbs(path) || strings.HasPrefix(path, `\\`) || drive().MatchString(path)
}

// complete decides what depends on several keys.
func (e *entryReader) complete() {
	s := e.server
	if len(s.Command) > 0 && e.url != nil {
		if s.Transport == serversfile.Stdio || !e.typed {
			e.url = nil
			e.note(Attention, "it has a command and an address: the address is left out")
		} else {
			s.Command, s.Args = nil, nil
			e.note(Attention, "it has a command and an address: the command is left out")
		}
	}
	switch {
	case s.LeftOut != "":
	case len(s.Command) > 0:
		s.Transport = serversfile.Stdio
		if len(s.Headers) > 0 {
			e.note(Attention, "it has headers beside a command: they are left out")
			s.Headers = nil
		}
		e.completeProgram()
	case e.url != nil:
		e.completeAddress()
	default:
		e.leaveOut("it has neither a command nor an address")
	}
}

// completeProgram makes the paths of a program absolute.
func (e *entryReader) completeProgram() {
	s := e.server
	if first := s.Command[0]; first.Var == "" && first.File == "" && strings.ContainsAny(first.Text, `/\`) && !absolute(first.Text) {
		if e.base == "" {
			e.leaveOut("its command is a relative path, which starts at whichever folder the client has open: write the full path, and import it again")
			return
		}
		s.Command[0].Text = filepath.Join(e.base, first.Text)
	}
	if written, plain := s.Command.Plain(); plain && len(s.Args) == 0 && strings.Contains(strings.TrimSpace(written), " ") && !strings.ContainsAny(written, `/\`) {
		e.note(Attention, "its command has spaces in it, and no shell takes it apart: write each argument into \"args\"")
	}
	switch {
	case len(s.Cwd) == 0:
		s.Cwd = text(e.base) // The folder that the client has open.
	case s.Cwd[0].Var == "" && s.Cwd[0].File == "" && !absolute(s.Cwd[0].Text):
		if e.base == "" {
			e.leaveOut("its cwd is a relative path, which starts at whichever folder the client has open: write the full path, and import it again")
			return
		}
		s.Cwd[0].Text = filepath.Join(e.base, s.Cwd[0].Text)
	}
	if len(s.Cwd) == 0 {
		e.relativeArgs()
	}
	if e.isGateway() {
		s.Itself = true
		e.leaveOut("it is gatehouse itself")
	}
}

var relativePath = lazyregexp.New(`^\.{1,2}(?:[\\/]|$)`)

// relativeArgs says which arguments would be looked for elsewhere.
func (e *entryReader) relativeArgs() {
	for _, a := range e.server.Args {
		if len(a) > 0 && a[0].Var == "" && relativePath().MatchString(a[0].Text) {
			e.note(Attention, "an argument is a relative path, which starts at the server's own folder here: write the full path, or a cwd")
			return
		}
	}
}

// runners are programs that run one of a package, which their first word names.
var runners = []string{"npx", "bunx", "uvx", "pipx"}

// isGateway reports whether the server is this very gateway.
func (e *entryReader) isGateway() bool {
	path, plain := e.server.Command.Plain()
	if !plain {
		return false
	}
	var args []string
	for _, a := range e.server.Args {
		text, _ := a.Plain()
		args = append(args, text)
	}
	name := programOf(path)
	if slices.Contains(runners, name) {
		i := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") && a != "run" })
		if i < 0 {
			return false
		}
		name, _, _ = strings.Cut(args[i], "@")
		name, _, _ = strings.Cut(name, "==")
		args = args[i+1:]
		return name == EntryName && startsGateway(args)
	}
	return (name == EntryName || e.server.Name == EntryName) && startsGateway(args)
}

// startsGateway reports whether arguments of gatehouse start a gateway, or attach to one.
func startsGateway(args []string) bool {
	return len(args) == 0 || args[0] == "run" || args[0] == "attach" || strings.HasPrefix(args[0], "-")
}
