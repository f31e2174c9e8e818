package clients

import (
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
)

// The components of JetBrains' AI Assistant in llm.mcpServers.xml of an IDE, and in
// workspace.xml of a project.
var jetBrainsComponents = []string{"McpApplicationServerCommands", "McpProjectServerCommands"}

// Codes of the problems of such a file.
const (
	codeXML      = "invalid-xml"
	codeXMLLarge = "too-many-values"
)

// jetBrainsDocument reads a file of the AI Assistant's as JSON would have it:
// "mcpServers" has the servers that it defines, and "states" what it says of those
// that are defined elsewhere. Until IDEs of 2025.2 an entry has a program, a line of
// arguments and its variables; later ones define servers in mcp.json, and here is
// whether they are enabled, and with which tools.
func jetBrainsDocument(path string, data []byte) (*jsondoc.Document, []jsondoc.Problem) {
	report := jsondoc.NewReport(path)
	text, ok := jsondoc.ReadForeignText(report, data)
	if !ok {
		return nil, report.Finish()
	}
	root, at, err := readXML(text)
	if err != nil {
		code := codeXML
		if errors.Is(err, errXMLTooLarge) {
			code = codeXMLLarge
		}
		report.Add(text.Position(at), jsondoc.Error, "", code, "fix it for the program that it belongs to, then try again", "the file is not XML that can be read")
		return nil, report.Finish()
	}
	x := xmlServers{tree: jsondoc.NewTree(text)}
	for _, component := range root.all("component") {
		if slices.Contains(jetBrainsComponents, component.attr("name")) {
			x.component(component)
		}
	}
	servers, states := x.tree.Object(0, x.defined), x.tree.Object(0, x.states)
	return x.tree.Document(x.tree.Object(0, []jsondoc.Member{x.tree.Member(0, "mcpServers", servers), x.tree.Member(0, "states", states)})), report.Finish()
}

// xmlServers makes values of JSON of entries in XML.
type xmlServers struct {
	tree            jsondoc.Tree
	defined, states []jsondoc.Member
}

// component reads the entries, which are in it or, later, in groups of it.
func (x *xmlServers) component(component *element) {
	for _, e := range component.children {
		if e.name == "commands" || e.name == "urls" {
			for _, inner := range e.children {
				x.entry(inner)
			}
			continue
		}
		x.entry(e)
	}
}

// entry reads one entry. One without a program and an address is the state of a
// server that is defined elsewhere.
func (x *xmlServers) entry(e *element) {
	v := xmlEntry{xmlServers: x}
	name := ""
	for _, c := range e.children {
		switch key := c.attr("name"); {
		case c.name == "envs":
			v.pairs("env", c)
		case c.name != "option":
		case key == "name":
			name = c.attr("value")
		default:
			v.option(key, c)
		}
	}
	if name == "" {
		return
	}
	m := x.tree.Member(e.offset, name, x.tree.Object(e.offset, v.members))
	if v.defines {
		x.defined = append(x.defined, m)
	} else {
		x.states = append(x.states, m)
	}
}

// xmlEntry is an entry that is being read.
type xmlEntry struct {
	*xmlServers

	members []jsondoc.Member
	defines bool // what runs, or where it is
}

func (v *xmlEntry) add(key string, at *element, n *jsondoc.Node) {
	v.members = append(v.members, v.tree.Member(at.offset, key, n))
}

func (v *xmlEntry) text(at *element, s string) *jsondoc.Node {
	return v.tree.Scalar(at.offset, jsondoc.KindString, jetBrainsMacros.Replace(s))
}

// jetBrainsMacros are folders as IDEs write them.
var jetBrainsMacros = strings.NewReplacer("$USER_HOME$", "${HOME}", "$PROJECT_DIR$", "${workspaceFolder}")

// option reads one option of an entry.
func (v *xmlEntry) option(key string, c *element) {
	value := c.attr("value")
	switch key {
	case "programPath":
		v.option("command", c)
	case "command", "url":
		if value != "" {
			v.defines = true
			v.add(key, c, v.text(c, value))
		}
	case "arguments", "args":
		if words := append(jetBrainsWords(value), values(c)...); len(words) > 0 {
			v.add("args", c, v.list(c, words))
		}
	case "workingDirectory", "cwd":
		if value != "" {
			v.add("cwd", c, v.text(c, value))
		}
	case "env", "environment", "headers":
		v.pairs(key, c)
	case "enabled":
		v.add(key, c, v.tree.Scalar(c.offset, jsondoc.KindBool, value))
	case "allowedToolsNames": // Empty is without a restriction; a list, even one of nothing, restricts.
		if len(c.children) > 0 {
			v.add("enabledTools", c, v.list(c, values(c)))
		}
	default:
		if value != "" {
			v.add(key, c, v.text(c, value))
		}
	}
}

// values are those of the options in a list.
func values(c *element) (list []string) {
	for _, o := range c.all("option") {
		list = append(list, o.attr("value"))
	}
	return list
}

func (v *xmlEntry) list(at *element, words []string) *jsondoc.Node {
	nodes := make([]*jsondoc.Node, len(words))
	for i, w := range words {
		nodes[i] = v.text(at, w)
	}
	return v.tree.Array(at.offset, nodes)
}

// pairs reads <env name value> or <entry key value> below an element.
func (v *xmlEntry) pairs(key string, c *element) {
	var members []jsondoc.Member
	for _, e := range append(c.all("env"), c.all("entry")...) {
		if name := e.attr("name") + e.attr("key"); name != "" {
			members = append(members, v.tree.Member(e.offset, name, v.text(e, e.attr("value"))))
		}
	}
	if len(members) > 0 {
		v.add(key, c, v.tree.Object(c.offset, members))
	}
}

// jetBrainsWords splits a line of arguments as IDEs do: at spaces, but not within
// double quotes; a backslash before one makes it a letter.
func jetBrainsWords(line string) (words []string) {
	var word strings.Builder
	begun, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && line[i+1] == '"':
			i++
			word.WriteByte('"')
			begun = true
		case c == '"':
			quoted, begun = !quoted, true
		case !quoted && strings.IndexByte(" \t\r\n", c) >= 0:
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}
