package gate

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/textcut"
)

const (
	// maxIntroduction is the length of the instructions, in UTF-16 units:
	// clients cut them at 2,048.
	maxIntroduction = 2000
	// maxServerLine is what a server's line may take of them, in bytes.
	maxServerLine = 200
)

const introduction = "gatehouse gives you the tools of other MCP servers, which your own list of tools does not show: look here before you say that you have no tool for something. " +
	"Call list_servers to see the servers, get_server_tools for the definitions of one server's tools, and execute_tool to run one."

// Introduce implements agents.ToolHandler: what the gateway is, the owner's
// words, and, if the connection settles who calls, the servers that the agent
// may use.
func (g *Gate) Introduce(caller agents.Caller) string {
	a, known := g.router.Known(caller)
	parts := []string{introduction}
	words := a.Snapshot.Policy.Words(a.Agent)
	for _, text := range []string{words.General, words.Own} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	head := strings.Join(parts, "\n\n")
	if !known {
		return head + "\n\nCall list_servers to see which servers you may use."
	}
	return head + "\n\n" + serverLines(a, maxIntroduction-units(head)-len("\n\n"))
}

// serverLines names the servers that the agent may use, a line for each, as
// many as there is room for; the rest are counted.
func serverLines(a *front.Attempt, room int) string {
	var lines []string
	for name := range a.Servers() {
		if line, ok := serverLine(a, name); ok {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return "There is no server that you may use now."
	}
	text := "The servers that you may use:"
	for i, line := range lines {
		rest := ""
		if n := len(lines) - i - 1; n > 0 {
			rest = more(n)
		}
		if units(text)+units(line)+units(rest)+len("\n\n") > room {
			return text + "\n" + more(len(lines)-i)
		}
		text += "\n" + line
	}
	return text
}

func more(n int) string { return fmt.Sprintf("... and %d more: call list_servers.", n) }

// serverLine is a server's name and what it is for; ok is false for one that
// is switched off.
func serverLine(a *front.Attempt, name string) (line string, ok bool) {
	r, found := a.Snapshot.Route(name)
	if !found || r.Cell.Status().State == endpoint.Disabled {
		return "", false
	}
	line = "- " + oneLine(name)
	catalog := r.Cell.Catalog()
	if what := firstSentence(description(r.Entry, catalog.Info, a.Permitted(&tools, name, catalog))); what != "" {
		line += ": " + what
	}
	return textcut.Marked(line, maxServerLine), true
}

// units is the length of a text as clients count it.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}
