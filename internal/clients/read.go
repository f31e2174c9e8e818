package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
	"gatehouse/internal/tomldoc"
	"gatehouse/internal/yamldoc"
)

// MaxFileBytes is the largest file of a client that is read, in bytes.
const MaxFileBytes = jsondoc.MaxForeignBytes

// Found is what was found in the files of one client.
type Found struct {
	Client  *Client
	Servers []*Server
	// Rules are denials that meet no server that was found.
	Rules []ToolRule
	Notes []Note
	// Agents are those of a gateway whose rules are written as ours.
	Agents []Agent
	// NamesOptional is set if its callers need not say which agent they are.
	NamesOptional bool

	rules []ToolRule // of servers by the client's own spelling
	only  [][]string // each a list of the servers that alone may be used
	// states apply what one file says of a server that another one defines.
	states []func(*Server)
	// spelled is how the client writes a server's name in its rules; nil is as it
	// is.
	spelled func(string) string
}

// Agent is what the rules of another gateway say of an agent: JSON.
type Agent struct {
	ID    string
	Rules json.RawMessage
	Pos   policy.Position
}

// jsonText is a value as JSON, without comments.
func jsonText(n *jsondoc.Node) json.RawMessage {
	var parts []string
	switch n.Kind {
	case jsondoc.KindObject:
		for _, m := range n.Members() {
			parts = append(parts, string(rawjson.AppendString(nil, m.Key))+": "+string(jsonText(m.Value)))
		}
		return json.RawMessage("{" + strings.Join(parts, ", ") + "}")
	case jsondoc.KindArray:
		for _, e := range n.Elements() {
			parts = append(parts, string(jsonText(e)))
		}
		return json.RawMessage("[" + strings.Join(parts, ", ") + "]")
	case jsondoc.KindString:
		return rawjson.AppendString(nil, n.Text())
	case jsondoc.KindNumber, jsondoc.KindBool:
		return json.RawMessage(n.Text())
	case jsondoc.KindNull:
	}
	return json.RawMessage("null")
}

// Source is the content of a file of a client.
type Source struct {
	File File
	Data []byte
}

// Read reads the files of a client, together: what one of them forbids holds for
// the servers of all. read returns the content of other files that they name. It
// is called for env files only.
func (c *Client) Read(sources []Source, read func(path string) ([]byte, error)) Found {
	found := Found{Client: c}
	for _, s := range sources {
		r := &reader{client: c, from: s.File, found: &found, read: read, inputs: map[string]string{}}
		doc, problems := Document(s.File.Path, s.Data)
		for _, p := range problems {
			kind := Attention
			if p.Severity == jsondoc.Error {
				kind = Left
			}
			found.Notes = append(found.Notes, Note{
				Client: c.ID, File: p.File, Line: p.Line, Kind: kind, Text: strings.TrimPrefix(p.Path+": "+p.Message, ": "),
				Pos: policy.Position{File: p.File, Line: p.Line, Column: p.Column},
			})
		}
		if doc == nil {
			continue
		}
		if doc.Root.Kind == jsondoc.KindNull || doc.Root.Kind != jsondoc.KindObject && doc.Root.Kind != jsondoc.KindArray {
			r.say(doc.Root.Pos(), "", Left, "the file holds neither an object nor a list")
			continue
		}
		c.read(r, doc.Root)
	}
	found.settle()
	return found
}

// Document parses a file by what its name says it is: TOML, YAML, XML of an IDE, or
// else JSON.
func Document(path string, data []byte) (*jsondoc.Document, []jsondoc.Problem) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".toml":
		return tomldoc.Parse(path, data)
	case ".yaml", ".yml":
		return yamldoc.Parse(path, data)
	case ".xml":
		return jetBrainsDocument(path, data)
	}
	if len(strings.TrimSpace(string(data))) == 0 {
		data = []byte("{}")
	}
	return jsondoc.ParseForeign(path, data)
}

// Literals returns all texts and numbers of a file, which is read as by Document.
func Literals(path string, data []byte) ([]jsondoc.Literal, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".toml":
		return tomldoc.Literals(data)
	case ".yaml", ".yml":
		return yamldoc.Literals(data)
	case ".xml":
		return nil, errors.New("it is XML")
	}
	return jsondoc.Literals(data)
}

// settle applies what the files say of servers by name.
func (f *Found) settle() {
	spelled := f.spelled
	if spelled == nil {
		spelled = func(name string) string { return name }
	}
	for _, s := range f.Servers {
		for _, state := range f.states {
			state(s)
		}
		for _, only := range f.only {
			if !slices.ContainsFunc(only, func(p string) bool { return policy.MatchPattern(p, spelled(s.Name)) }) {
				s.Kept = true
			}
		}
	}
	for _, rule := range f.rules {
		met := false
		for _, s := range f.Servers {
			if !policy.MatchPattern(rule.Server, spelled(s.Name)) {
				continue
			}
			met = true
			if rule.Tool == policy.Wildcard {
				s.Kept = true
			} else {
				s.Denied = append(s.Denied, rule.Tool)
			}
		}
		if !met || strings.Contains(rule.Server, policy.Wildcard) {
			f.Rules = append(f.Rules, rule)
		}
	}
	for _, s := range f.Servers {
		slices.Sort(s.Denied)
		s.Denied = slices.Compact(s.Denied)
	}
	f.describe()
}

// describe notes which restrictions become rules.
func (f *Found) describe() {
	for _, s := range f.Servers {
		var what []string
		if s.Kept {
			what = append(what, "the client may not use it")
		}
		if s.Allowed != nil {
			what = append(what, fmt.Sprintf("only %s", list(*s.Allowed, "no tool")))
		}
		if len(s.Denied) > 0 {
			what = append(what, "never "+list(s.Denied, ""))
		}
		if len(what) > 0 {
			f.Notes = append(f.Notes, Note{
				Client: s.Client.ID, Pos: s.Pos, File: s.Pos.File, Line: s.Pos.Line, Server: show(s.Name), Kind: Restriction,
				Text: strings.Join(what, "; ") + ": becomes a rule",
			})
		}
	}
	for _, r := range f.Rules {
		f.Notes = append(f.Notes, Note{
			Client: f.Client.ID, File: r.File, Pos: policy.Position{File: r.File}, Kind: Restriction, Server: show(r.Server),
			Text: "never " + list([]string{r.Tool}, "") + ": becomes a rule",
		})
	}
}

func list(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	const most = 8
	shown := make([]string, 0, most)
	for _, n := range names[:min(len(names), most)] {
		shown = append(shown, show(n))
	}
	if more := len(names) - most; more > 0 {
		shown = append(shown, fmt.Sprintf("%d more", more))
	}
	return strings.Join(shown, ", ")
}

// show is a name as a note has it.
func show(name string) string { return textcut.Marked(printable(name), 100) }

// reader reads one file.
type reader struct {
	client *Client
	from   File
	found  *Found
	read   func(path string) ([]byte, error)
	inputs map[string]string // what the client asks its user for, by id
}

func (r *reader) say(pos policy.Position, server string, kind Kind, format string, args ...any) {
	r.found.Notes = append(r.found.Notes, Note{
		Client: r.client.ID, Pos: pos, File: r.from.Path, Line: pos.Line, Server: show(server), Kind: kind,
		Text: fmt.Sprintf(format, args...),
	})
}

// servers reads an object of servers by name. base is the folder at which their
// relative paths start.
func (r *reader) servers(n *jsondoc.Node, base string) {
	switch {
	case n == nil || n.Kind == jsondoc.KindNull:
	case n.Kind == jsondoc.KindArray:
		r.list(n, base)
	case n.Kind != jsondoc.KindObject:
		r.say(n.Pos(), "", Left, "here should be servers by name, and is %s", jsondoc.WithArticle(n.Kind))
	default:
		for _, m := range n.Members() {
			r.entry(m.Key, m.KeyPos(), m.Value, base)
		}
	}
}

// list reads a list of servers that say their names themselves.
func (r *reader) list(n *jsondoc.Node, base string) {
	for i, e := range n.Elements() {
		name := ""
		for _, key := range []string{"name", "id"} {
			if m := e.Member(key); m != nil && name == "" {
				name = m.Text()
			}
		}
		if name == "" {
			name = fmt.Sprintf("%s-%d", r.client.ID, i+1)
		}
		r.entry(name, e.Pos(), e, base)
	}
}

// deny keeps the client from a tool of a server, both patterns; what says how it
// is written.
func (r *reader) deny(server, tool string) {
	if pattern, exact := denied(server); pattern != "" {
		if toolPattern, exactTool := denied(tool); toolPattern != "" {
			r.found.rules = append(r.found.rules, ToolRule{pattern, toolPattern, r.from.Path})
			if !exact || !exactTool {
				r.say(policy.Position{File: r.from.Path}, "", Attention, "%s of %s is denied more widely, as only * is a wildcard", show(tool), show(server))
			}
		}
	}
}

// texts are the texts in a list, or a text alone.
func texts(n *jsondoc.Node) (list []string, ok bool) {
	switch {
	case n == nil:
		return nil, true
	case n.Kind == jsondoc.KindString:
		return []string{n.Text()}, true
	case n.Kind != jsondoc.KindArray:
		return nil, n.Kind == jsondoc.KindNull
	}
	list = []string{}
	for _, e := range n.Elements() {
		if !scalar(e) {
			return list, false
		}
		list = append(list, e.Text())
	}
	return list, true
}

func scalar(n *jsondoc.Node) bool {
	return n.Kind == jsondoc.KindString || n.Kind == jsondoc.KindNumber || n.Kind == jsondoc.KindBool
}

// at follows keys down from a node; nil if there is nothing.
func at(n *jsondoc.Node, keys ...string) *jsondoc.Node {
	for _, key := range keys {
		if n == nil {
			return nil
		}
		n = n.Member(key)
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// members are those of an object; none of anything else, or of nothing.
func members(n *jsondoc.Node) []jsondoc.Member {
	if n == nil {
		return nil
	}
	return n.Members()
}

func elements(n *jsondoc.Node) []*jsondoc.Node {
	if n == nil {
		return nil
	}
	return n.Elements()
}

// entryLeftOut adds a server that cannot be taken over.
func (r *reader) entryLeftOut(m jsondoc.Member, why string) {
	e := entryReader{reader: r, server: &Server{Client: r.client, Pos: m.KeyPos(), Name: m.Key}}
	e.name()
	r.found.Servers = append(r.found.Servers, e.server)
	e.leaveOut("%s", why)
}
