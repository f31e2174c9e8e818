package clients

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// denied makes a pattern of ours that matches all that a client's name or pattern
// does. exact is false if it matches more.
func denied(name string) (pattern string, exact bool) {
	name = printable(name)
	exact = !strings.ContainsAny(name, "?[]{}")
	if annotated(name) {
		name, exact = policy.Wildcard+name[1:], false
	}
	var b strings.Builder
	depth := 0
	for _, c := range name {
		switch {
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth = max(depth-1, 0)
		case depth > 0:
			continue
		case c != '?':
			b.WriteRune(c)
			continue
		}
		if s := b.String(); !strings.HasSuffix(s, policy.Wildcard) {
			b.WriteString(policy.Wildcard)
		}
	}
	return b.String(), exact
}

// annotated reports whether a name would be read as an annotation, or looks like
// one.
func annotated(name string) bool { return strings.HasPrefix(name, "@") || strings.HasPrefix(name, "!") }

func (e *entryReader) off() { e.server.Off = true }

func (e *entryReader) disabled(m jsondoc.Member) {
	if m.Value.Text() != "false" {
		e.off()
	}
}

func (e *entryReader) enabled(m jsondoc.Member) {
	if m.Value.Text() != "true" {
		e.off()
	}
}

// denyTools reads a list of tools that may not be used.
func (e *entryReader) denyTools(m jsondoc.Member) {
	names, ok := texts(m.Value)
	if !ok || m.Value.Kind == jsondoc.KindString {
		e.unreadable(m.Key)
	}
	for _, name := range names {
		e.denyTool(name)
	}
}

func (e *entryReader) denyTool(name string) {
	name, _, called := strings.Cut(name, "(") // Gemini: with some arguments only.
	pattern, exact := denied(name)
	if pattern == "" {
		return
	}
	if !exact || called {
		e.note(Attention, "%s is denied more widely: a rule has no wildcard but *, and no arguments", show(name))
	}
	e.server.Denied = append(e.server.Denied, pattern)
}

// allowTools reads a list of the only tools that may be used.
func (e *entryReader) allowTools(m jsondoc.Member) {
	names, ok := texts(m.Value)
	if !ok {
		e.unreadable(m.Key)
		return
	}
	if len(names) == 0 && e.client.dialect.emptyMeansAll {
		return
	}
	e.allowOnly(names)
}

// allowOnly allows nothing but these; called twice, what both say.
func (e *entryReader) allowOnly(names []string) {
	allowed := []string{}
	for _, name := range names {
		name, _, called := strings.Cut(printable(name), "(")
		switch {
		case name == "":
		case strings.ContainsAny(name, "?[]{}") || annotated(name):
			e.note(Attention, "%s is a pattern of the client's own, and not allowed: a rule has no wildcard but *", show(name))
		default:
			if called {
				e.note(Attention, "%s is allowed with some arguments only; a rule allows it with all", show(name))
			}
			allowed = append(allowed, name)
		}
	}
	if slices.Contains(allowed, policy.Wildcard) {
		return
	}
	if before := e.server.Allowed; before != nil {
		allowed = slices.DeleteFunc(allowed, func(name string) bool { return !slices.Contains(*before, name) })
	}
	e.server.Allowed = &allowed
}

// unreadable keeps the client from a server whose restriction is not understood.
func (e *entryReader) unreadable(key string) {
	e.server.Kept = true
	e.note(Attention, "%s restricts it in a way that is not understood: it is given to nobody", show(key))
}

// tools reads a list of the only tools, or an object that switches single ones off.
func (e *entryReader) tools(m jsondoc.Member) {
	if m.Value.Kind != jsondoc.KindObject {
		e.allowTools(m)
		return
	}
	for _, tool := range m.Value.Members() {
		on := tool.Value.Member("enabled")
		switch {
		case tool.Value.Kind == jsondoc.KindBool && !tool.Value.Bool(), on != nil && on.Text() != "true":
			e.denyTool(tool.Key)
		case tool.Value.Kind == jsondoc.KindObject:
			for _, inner := range tool.Value.Members() {
				if inner.Key != "enabled" {
					e.ignored = append(e.ignored, show("tools."+tool.Key+"."+inner.Key))
				}
			}
		case tool.Value.Kind != jsondoc.KindBool:
			e.unreadable(m.Key)
		}
	}
}

// toolFilter reads the filter of mcp-proxy.
func (e *entryReader) toolFilter(m jsondoc.Member) {
	names, ok := texts(m.Value.Member("list"))
	mode := m.Value.Member("mode")
	switch {
	case m.Value.Kind != jsondoc.KindObject || !ok:
		e.unreadable(m.Key)
	case len(names) == 0: // Then it lets all through.
	case mode != nil && mode.Text() == "block":
		for _, name := range names {
			e.denyTool(name)
		}
	case mode != nil && mode.Text() == "allow":
		e.allowOnly(names)
	default:
		e.unreadable(m.Key)
	}
}

// options reads what mcp-proxy says of one server.
func (e *entryReader) options(m jsondoc.Member) {
	for _, inner := range m.Value.Members() {
		switch inner.Key {
		case "toolFilter":
			e.toolFilter(inner)
		case "authTokens":
			e.authTokens(inner)
		default:
			e.ignored = append(e.ignored, show(m.Key+"."+inner.Key))
		}
	}
}

// authTokens lets only some callers in, which a rule for each of them does here.
func (e *entryReader) authTokens(m jsondoc.Member) {
	if len(m.Value.Elements()) == 0 {
		return
	}
	e.server.Kept = true
	e.note(Attention, "authTokens lets only some callers in: it is given to nobody; allow it to agents, and give these tokens (\"gatehouse token new\")")
}

// sandbox is what gatehouse has none of: a server that should run in one stays
// off.
func (e *entryReader) sandbox(m jsondoc.Member) {
	if m.Value.Text() == "false" || m.Value.Kind == jsondoc.KindObject && len(m.Value.Members()) == 0 {
		return
	}
	e.off()
	e.note(Attention, "%s: gatehouse has no sandbox, so it stays off; make a sandbox part of its command, and switch it on", show(m.Key))
}

// longest is the longest time that our own settings take.
const longest = 30 * 24 * 60 * 60 * 1000

// timeLimit reads a limit of time, or, of opencode, several.
func (e *entryReader) timeLimit(key string, n *jsondoc.Node, limit timeLimit) {
	if n.Kind == jsondoc.KindObject {
		for _, m := range n.Members() {
			switch m.Key {
			case "startup":
				e.timeLimit(key+".startup", m.Value, timeLimit{start: true, unit: limit.unit})
			case "request", "execution":
				e.timeLimit(key+"."+m.Key, m.Value, timeLimit{unit: limit.unit})
			default:
				e.ignored = append(e.ignored, show(key+"."+m.Key))
			}
		}
		return
	}
	number, err := strconv.ParseFloat(strings.ReplaceAll(n.Text(), "_", ""), 64)
	if err != nil || math.IsNaN(number) || number <= 0 {
		e.ignored = append(e.ignored, show(key))
		return
	}
	least := 1.0
	if !limit.start {
		least = 100
	}
	millis := int64(math.Min(math.Max(math.Ceil(number*limit.unit), least), longest))
	if limit.start {
		e.server.StartMillis = millis
	} else {
		e.server.CallMillis = millis
	}
}
