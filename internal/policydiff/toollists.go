package policydiff

import (
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// Codes of the problems of a file of tool lists.
const (
	codeToolListsWrongType = "tool-lists-wrong-type"
	codeToolListsNoName    = "tool-lists-missing-name"
)

// ToolLists are the tools of servers, by the server's name, and what is known of
// their annotations.
type ToolLists map[string]map[string]policy.Annotations

// Add adds a tool. Of one that occurs twice, the last known annotations count.
func (l ToolLists) Add(server, tool string, a policy.Annotations) {
	if l[server] == nil {
		l[server] = map[string]policy.Annotations{}
	}
	if a != 0 || l[server][tool] == 0 {
		l[server][tool] = a
	}
}

// ParseToolLists reads the tools that servers have, for `gatehouse
// policy diff --tools`. The file is an object of servers; each has an array of
// tools, or an object with such an array under "tools", as a result of
// tools/list has it. A tool is a name, or a definition with a "name". What
// `gatehouse tools --json` prints is read as well. All problems come at once,
// sorted by position; if one of them is an Error there are no lists.
func ParseToolLists(file string, src []byte) (ToolLists, []jsondoc.Problem) {
	doc, problems := jsondoc.Parse(file, src)
	if doc == nil {
		return nil, problems
	}
	p := toolListsParser{Report: jsondoc.NewReport(file), tools: ToolLists{}}
	p.AddAll(problems)
	p.root(doc.Root)
	problems = p.Finish()
	if jsondoc.HasErrors(problems) {
		return nil, problems
	}
	return p.tools, problems
}

type toolListsParser struct {
	*jsondoc.Report
	tools ToolLists
}

func (p *toolListsParser) root(root *jsondoc.Node) {
	if root.Kind != jsondoc.KindObject {
		p.wrong(root.Pos(), "", `write {"SERVER": ["TOOL", ...]}`, "the file must be an object of servers, not "+jsondoc.WithArticle(root.Kind))
		return
	}
	if list := root.Member("servers"); printed(list) {
		for i, e := range list.Elements() {
			p.server(e.Member("server").Text(), e.Member("tools"), jsondoc.IndexPath("servers", i))
		}
		return
	}
	for _, m := range root.Members() {
		p.server(m.Key, m.Value, jsondoc.KeyPath("", m.Key))
	}
}

// printed reports whether a list is what `gatehouse tools --json` prints, and not
// a server of the name "servers": its elements name their server.
func printed(list *jsondoc.Node) bool {
	if list == nil || list.Kind != jsondoc.KindArray || len(list.Elements()) == 0 {
		return false
	}
	for _, e := range list.Elements() {
		if s := e.Member("server"); s == nil || s.Kind != jsondoc.KindString || e.Member("tools") == nil {
			return false
		}
	}
	return true
}

// server adds the tools of one server.
func (p *toolListsParser) server(server string, n *jsondoc.Node, path string) {
	if n.Kind == jsondoc.KindObject && n.Member("tools") != nil {
		n, path = n.Member("tools"), jsondoc.KeyPath(path, "tools")
	}
	if n.Kind != jsondoc.KindArray {
		p.wrong(n.Pos(), path, `write ["TOOL", ...]`, "must be an array of tools, not "+jsondoc.WithArticle(n.Kind))
		return
	}
	if p.tools[server] == nil {
		p.tools[server] = map[string]policy.Annotations{}
	}
	for i, e := range n.Elements() {
		if name, ok := p.name(e, jsondoc.IndexPath(path, i)); ok {
			p.tools.Add(server, name, annotations(e))
		}
	}
}

// annotations are those of a definition, or as "gatehouse tools --json" prints them.
func annotations(n *jsondoc.Node) policy.Annotations {
	said := n.Member("annotations")
	switch {
	case said != nil && said.Kind == jsondoc.KindString:
		return policy.ParseAnnotations(said.Text())
	case n.Kind != jsondoc.KindObject || n.Member("inputSchema") == nil && said == nil:
		return 0 // Not a whole definition.
	}
	return policy.AnnotationsBy(func(hint string) (value, given bool) {
		if said == nil || said.Kind != jsondoc.KindObject {
			return false, false
		}
		h := said.Member(hint)
		return h != nil && h.Bool(), h != nil && h.Kind == jsondoc.KindBool
	})
}

func (p *toolListsParser) name(n *jsondoc.Node, path string) (string, bool) {
	switch n.Kind {
	case jsondoc.KindString:
		if n.Text() == "" {
			p.Add(n.Pos(), jsondoc.Error, path, codeToolListsNoName, "", "the name of a tool must not be empty")
		}
		return n.Text(), n.Text() != ""
	case jsondoc.KindObject:
		name := n.Member("name")
		if name == nil || name.Kind != jsondoc.KindString || name.Text() == "" {
			p.Add(n.Pos(), jsondoc.Error, path, codeToolListsNoName, "", `a definition of a tool has its name under "name"`)
			return "", false
		}
		return name.Text(), true
	case jsondoc.KindArray, jsondoc.KindNumber, jsondoc.KindBool, jsondoc.KindNull:
	}
	p.wrong(n.Pos(), path, "", "must be the name of a tool or its definition, not "+jsondoc.WithArticle(n.Kind))
	return "", false
}

func (p *toolListsParser) wrong(pos policy.Position, path, hint, message string) {
	p.Add(pos, jsondoc.Error, path, codeToolListsWrongType, hint, "%s", message)
}
