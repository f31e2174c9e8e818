package serversfile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"gatehouse/internal/jsondoc"
)

// Codes of the problems of a servers file as a whole and of its names.
const (
	codeNoObject       = "not-an-object"
	codeNoServers      = "missing-mcp-servers"
	codeServersKey     = "servers-key"
	codeUnknownKey     = "unknown-key"
	codeIgnoredKeys    = "ignored-keys"
	codeServerName     = "bad-server-name"
	codeRestrictingKey = "restricting-key"
	codeOtherFormat    = "other-format"
)

// File is a parsed .mcp.json without errors.
type File struct {
	// Entries are in file order; names are unique.
	Entries []Entry
	// Hash is the lower-case hex SHA-256 of the file's bytes.
	Hash string
}

// Entry finds a server by its exact name.
func (s File) Entry(name string) (Entry, bool) {
	for _, e := range s.Entries {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// Names lists the servers' names, sorted.
func (s File) Names() []string {
	names := make([]string, len(s.Entries))
	for i, e := range s.Entries {
		names[i] = e.Name
	}
	slices.Sort(names)
	return names
}

// Parse reads the bytes of a .mcp.json. It reports all problems at
// once, sorted by position; if one of them is an Error the File has no
// entries. Variables are not expanded and nothing is looked up: package resolve does that.
// The file name is only quoted. No value of the file is quoted in a problem
// but the words that choose between a few.
func Parse(file string, src []byte) (File, []jsondoc.Problem) {
	hash := sha256.Sum256(src)
	servers := File{Hash: hex.EncodeToString(hash[:])}
	doc, problems := jsondoc.Parse(file, src)
	if doc == nil {
		if len(src) <= jsondoc.MaxFileBytes && !looksLikeJSON(src) {
			problems = append(otherFormat(file, src, nil), problems...)
		}
		return servers, problems
	}
	p := parser{Report: jsondoc.NewReport(file)}
	p.AddAll(problems)
	p.root(doc.Root)
	p.reportIgnored()
	problems = p.Finish()
	if jsondoc.HasErrors(problems) {
		problems = append(otherFormat(file, src, doc.Root), problems...)
	} else {
		servers.Entries = p.entries
	}
	return servers, problems
}

// parser holds what the parts of one servers file have in common.
type parser struct {
	*jsondoc.Report
	entries []Entry
	ignored []jsondoc.Member // keys of other programs that mean nothing here
	// misplaced is set when servers stand elsewhere, so that they are not also
	// reported as missing.
	misplaced bool
}

func (p *parser) root(root *jsondoc.Node) {
	if root.Kind != jsondoc.KindObject {
		p.Add(root.Pos(), jsondoc.Error, "", codeNoObject, `write {"mcpServers": {}}`,
			"the file must hold an object, not %s", jsondoc.WithArticle(root.Kind))
		return
	}
	if isEntry(root) && root.Member("mcpServers") == nil {
		p.Add(root.Pos(), jsondoc.Error, "", codeNoServers, `give the server a name: {"mcpServers": {"NAME": {...}}}`,
			"the file is one server and not an object of servers")
		return
	}
	keys := jsondoc.Keys{{Name: "mcpServers", Read: p.servers}}
	keys.Read(root, "", func(m jsondoc.Member, path string) { p.otherRootKey(root, m, path, keys.Names()) })
	if root.Member("mcpServers") == nil && !p.misplaced {
		p.Add(root.Pos(), jsondoc.Error, "", codeNoServers, `add "mcpServers": {}; an empty object is fine`,
			`the key "mcpServers" is missing`)
	}
}

func (p *parser) servers(n *jsondoc.Node, path string) {
	if n.Kind != jsondoc.KindObject {
		p.WrongKind(n, path, codeWrongType, "an object of servers", `write {"NAME": {"command": "...", "args": ["..."]}}: the names are keys`)
		return
	}
	for _, m := range n.Members() {
		p.server(m, jsondoc.KeyPath(path, m.Key))
	}
}

func (p *parser) server(m jsondoc.Member, path string) {
	if reason := badName(m.Key); reason != "" {
		p.Add(m.KeyPos(), jsondoc.Error, path, codeServerName,
			"use 1 to 128 bytes of printable characters other than * ? [ ]", "a server's name %s", reason)
	}
	if m.Value.Kind != jsondoc.KindObject {
		p.WrongKind(m.Value, path, codeWrongType, "an object", `write {"command": "...", "args": ["..."]} or {"url": "..."}`)
		return
	}
	p.entries = append(p.entries, p.entry(m, path))
}
