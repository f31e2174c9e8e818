package adopt

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/clients"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/vars"
)

// entry is one entry of the servers file, as it is written.
type entry struct {
	transport   serversfile.Transport
	command     string
	args        []string
	env         []pair
	envFile     string
	cwd         string
	url         string
	headers     []pair
	description string
	disabled    bool
	startMillis int64
	callMillis  int64
}

type pair struct{ name, value string }

// json writes an entry in the order in which people do.
func (e entry) json() json.RawMessage {
	o := object{}
	o.text("command", e.command)
	o.text("url", e.url)
	if e.url != "" && e.transport != serversfile.Auto {
		o.text("type", string(e.transport))
	}
	if len(e.args) > 0 {
		o.raw("args", texts(e.args))
	}
	o.pairs("env", e.env)
	o.text("envFile", e.envFile)
	o.text("cwd", e.cwd)
	o.pairs("headers", e.headers)
	o.text("description", e.description)
	if e.disabled {
		o.raw("disabled", []byte("true"))
	}
	settings := object{}
	settings.number("startup_timeout_ms", e.startMillis)
	settings.number("call_timeout_ms", e.callMillis)
	if len(settings.body) > 0 {
		o.raw("gateway", settings.json())
	}
	return o.json()
}

// object is a JSON object in the making.
type object struct{ body []byte }

func (o *object) raw(key string, value []byte) {
	if len(o.body) > 0 {
		o.body = append(o.body, ',')
	}
	o.body = append(append(rawjson.AppendString(o.body, key), ':'), value...)
}

func (o *object) text(key, value string) {
	if value != "" {
		o.raw(key, rawjson.AppendString(nil, value))
	}
}

func (o *object) number(key string, n int64) {
	if n > 0 {
		text, _ := json.Marshal(n) // A number never fails.
		o.raw(key, text)
	}
}

func (o *object) pairs(key string, pairs []pair) {
	if len(pairs) == 0 {
		return
	}
	inner := object{}
	for _, p := range pairs {
		inner.raw(p.name, rawjson.AppendString(nil, p.value))
	}
	o.raw(key, inner.json())
}

func (o *object) json() json.RawMessage { return json.RawMessage("{" + string(o.body) + "}") }

// texts writes a list of texts.
func texts(list []string) json.RawMessage {
	var b []byte
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = rawjson.AppendString(b, s)
	}
	return json.RawMessage("[" + string(b) + "]")
}

// plain is a server as an entry, its secrets included: only for comparing.
func plain(s *clients.Server) entry {
	e := entry{
		transport: s.Transport, command: s.Command.String(), cwd: s.Cwd.String(), url: s.URL.String(), envFile: clients.Value{{Text: s.EnvFile}}.String(),
		description: s.Description, startMillis: s.StartMillis, callMillis: s.CallMillis,
	}
	for _, a := range s.Args {
		e.args = append(e.args, a.String())
	}
	for _, n := range s.Env {
		e.env = append(e.env, pair{n.Name, n.Value.String()})
	}
	for _, n := range s.Headers {
		e.headers = append(e.headers, pair{n.Name, n.Value.String()})
	}
	return e
}

// ownEntry is an entry that the owner has written.
func ownEntry(own serversfile.Entry) entry {
	e := entry{transport: own.Transport, command: own.Command, args: own.Args, cwd: own.Cwd, url: own.URL, envFile: own.EnvFile}
	for _, name := range slices.Sorted(maps.Keys(own.Env)) {
		e.env = append(e.env, pair{name, own.Env[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(own.Headers)) {
		e.headers = append(e.headers, pair{name, own.Headers[name]})
	}
	return e
}

// fields are what makes a server that server and no other, by the name of the
// field. Variables that the env file has count as their values, so that what was
// imported is found again.
func (m *merger) fields(e entry) map[string]string {
	fields := map[string]string{}
	add := func(name, value string) {
		if value != "" {
			fields[name] = m.env.expanded(value)
		}
	}
	add("command", e.command)
	add("args", strings.Join(e.args, "\x00"))
	add("cwd", e.cwd)
	add("url", e.url)
	if e.transport == serversfile.SSE {
		add("type", string(e.transport))
	}
	for _, p := range e.env {
		fields["env."+p.name] = m.env.expanded(p.value)
	}
	for _, p := range e.headers {
		add("headers."+strings.ToLower(p.name), p.value)
	}
	return fields
}

// expanded replaces the variables of a text that the env file has.
func (f *envFile) expanded(text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	var b strings.Builder
	for _, s := range vars.Segments(text) {
		v, reason := vars.ParseVariable(s)
		value, known := f.values[v.Name]
		switch {
		case !s.Variable:
			b.WriteString(s.Text)
		case reason == "" && known && v.Path == "":
			b.WriteString(value)
		default:
			b.WriteString("\x00{" + s.Text + "}")
		}
	}
	return b.String()
}
