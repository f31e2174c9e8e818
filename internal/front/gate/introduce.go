package gate

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf16"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/textcut"
)

const (
	// maxIntroduction is the length of the instructions, in UTF-16 units:
	// clients cut them at 2,048.
	maxIntroduction = 2000
	// maxOpening is the length of their first line, in UTF-16 units: a client that
	// defers tools may show no more until its model has searched for one.
	maxOpening = 250
	// maxServerLine is what a server's line may take of them, in bytes.
	maxServerLine = 200
	// maxAbout is what a server's description may take of that.
	maxAbout = 80
)

// Introduce implements agents.ToolHandler: what the gateway is, the owner's
// words, and, if the connection settles who calls, the servers that the agent
// may use.
func (g *Gate) Introduce(caller agents.Caller) string {
	a, known := g.router.Known(caller)
	var servers []described
	if known {
		servers = usable(a)
	}
	parts := []string{opening(servers)}
	words := a.Snapshot.Policy.Words(a.Agent)
	for _, text := range []string{words.General, words.Own} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	head := strings.Join(parts, "\n\n")
	if !known {
		return head
	}
	return head + "\n\n" + serverLines(servers, maxIntroduction-units(head)-len("\n\n"))
}

// described is a server that the agent may use: its name, and a line with what
// it is for.
type described struct{ name, line string }

// usable returns the servers that the agent may use, in order.
func usable(a *front.Attempt) []described {
	var servers []described
	for r := range switchedOn(a) {
		servers = append(servers, described{oneLine(r.Entry.Name), serverLine(a, r)})
	}
	return servers
}

// usableNames returns the names of the servers that the agent may use, in order.
func usableNames(a *front.Attempt) []string {
	var names []string
	for r := range switchedOn(a) {
		names = append(names, oneLine(r.Entry.Name))
	}
	return names
}

// switchedOn visits the servers that the agent may use, in order, but for those
// that are disabled.
func switchedOn(a *front.Attempt) iter.Seq[*snapshot.Route] {
	return func(yield func(*snapshot.Route) bool) {
		for name := range a.Servers() {
			if r, ok := a.Snapshot.Route(name); ok && r.Cell.Status().State != endpoint.Disabled && !yield(r) {
				return
			}
		}
	}
}

// opening says what the gateway is, with the names of as many of the servers as
// there is room for.
func opening(servers []described) string {
	const format = "gatehouse has the tools of other MCP servers%s, which your own list does not show. " +
		"Before you say that you have no tool, ask search_tools for one by what it does; execute_tool runs it."
	text, names := fmt.Sprintf(format, ""), ""
	for i, s := range servers {
		if i > 0 {
			names += ", "
		}
		names += s.name
		rest := ""
		if n := len(servers) - i - 1; n > 0 {
			rest = fmt.Sprintf(" and %d more", n)
		}
		longer := fmt.Sprintf(format, " ("+names+rest+")")
		if units(longer) > maxOpening {
			break
		}
		text = longer
	}
	return text
}

// serverLines has a line for each of the servers, as many as there is room for;
// the rest are counted.
func serverLines(servers []described, room int) string {
	if len(servers) == 0 {
		return "There is no server that you may use now."
	}
	text := "The servers that you may use:"
	for i, s := range servers {
		rest := ""
		if n := len(servers) - i - 1; n > 0 {
			rest = more(n)
		}
		if units(text)+units(s.line)+units(rest)+len("\n\n") > room {
			return text + "\n" + more(len(servers)-i)
		}
		text += "\n" + s.line
	}
	return text
}

func more(n int) string { return fmt.Sprintf("... and %d more.", n) }

// serverLine is a server's name and what it is for.
func serverLine(a *front.Attempt, r *snapshot.Route) string {
	line, catalog := "- "+oneLine(r.Entry.Name), r.Cell.Catalog()
	if what := firstSentence(description(r.Entry, catalog.Info, a.Permitted(&tools, r.Entry.Name, catalog))); what != "" {
		line += ": " + textcut.Marked(what, maxAbout)
	}
	return textcut.Marked(line, maxServerLine)
}

// units is the length of a text as clients count it.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}
