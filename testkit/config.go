package testkit

import (
	"encoding/json"
	"maps"
	"testing"
)

// Entry is one server of .mcp.json.
type Entry map[string]any

// Fake is an entry that runs the fake server over stdio with these arguments.
func Fake(t testing.TB, args ...string) Entry {
	t.Helper()
	if args == nil {
		args = []string{}
	}
	return Entry{"command": FakeServer(t), "args": args}
}

// With returns a copy of the entry with one more key.
func (e Entry) With(key string, value any) Entry {
	e = maps.Clone(e)
	e[key] = value
	return e
}

// Settings returns a copy of the entry with keys and values in its "gateway"
// object: Settings("restart_wait_ms", 500, "start", "lazy").
func (e Entry) Settings(keysAndValues ...any) Entry {
	settings := map[string]any{}
	if old, ok := e["gateway"].(map[string]any); ok {
		settings = maps.Clone(old)
	}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		settings[keysAndValues[i].(string)] = keysAndValues[i+1]
	}
	return e.With("gateway", settings)
}

// Servers is the content of .mcp.json.
type Servers map[string]Entry

// JSON is the file's text.
func (s Servers) JSON() string { return toJSON(map[string]any{"mcpServers": s}) }

// Tools is a "tools" object of the rules.
type Tools map[string][]string

// Grant is what the rules say of one agent. Nil fields are left out.
type Grant struct {
	Allow     []string
	Tools     Tools
	Deny      []string
	DenyTools Tools
}

// Rules is the content of the rules file, without defaults.
type Rules map[string]Grant

// JSON is the file's text.
func (r Rules) JSON() string { return r.JSONWith(nil) }

// JSONWith is the file's text with a "defaults" object, unless it is nil.
func (r Rules) JSONWith(defaults map[string]any) string {
	agents := map[string]any{}
	for id, g := range r {
		agents[id] = map[string]any{}
		agent := agents[id].(map[string]any)
		put(agent, "allow", g.Allow, g.Tools)
		put(agent, "deny", g.Deny, g.DenyTools)
	}
	doc := map[string]any{"agents": agents}
	if defaults != nil {
		doc["defaults"] = defaults
	}
	return toJSON(doc)
}

func put(agent map[string]any, key string, servers []string, tools Tools) {
	object := map[string]any{}
	if servers != nil {
		object["servers"] = servers
	}
	if tools != nil {
		object["tools"] = tools
	}
	if len(object) > 0 {
		agent[key] = object
	}
}

// AllowAll is a rules file in which each of these agents may use everything.
func AllowAll(agents ...string) string {
	r := Rules{}
	for _, a := range agents {
		r[a] = Grant{Allow: []string{"*"}}
	}
	return r.JSON()
}

func toJSON(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // The caller's own literals.
	}
	return string(b) + "\n"
}
