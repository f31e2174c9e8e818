package config

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Codes of the problems of a servers file as a whole and of its names.
const (
	CodeNoObject       = "not-an-object"
	CodeNoServers      = "missing-mcp-servers"
	CodeServersKey     = "servers-key"
	CodeUnknownKey     = "unknown-key"
	CodeIgnoredKeys    = "ignored-keys"
	CodeServerName     = "bad-server-name"
	CodeRestrictingKey = "restricting-key"
)

// MaxServerName is the longest name of a server, in bytes.
const MaxServerName = 128

// Servers is a parsed .mcp.json without errors.
type Servers struct {
	// Entries are in file order; names are unique.
	Entries []Entry
	// Hash is the lower-case hex SHA-256 of the file's bytes.
	Hash string
}

// Entry finds a server by its exact name.
func (s Servers) Entry(name string) (Entry, bool) {
	for _, e := range s.Entries {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// Names lists the servers' names, sorted.
func (s Servers) Names() []string {
	names := make([]string, len(s.Entries))
	for i, e := range s.Entries {
		names[i] = e.Name
	}
	slices.Sort(names)
	return names
}

// ParseServers reads the bytes of a .mcp.json. It reports all problems at
// once, sorted by position; if one of them is an Error the Servers have no
// entries. Variables are not expanded and nothing is looked up: see Resolve.
// The file name is only quoted. No value of the file is quoted in a problem
// but the words that choose between a few.
func ParseServers(file string, src []byte) (Servers, []Problem) {
	hash := sha256.Sum256(src)
	servers := Servers{Hash: hex.EncodeToString(hash[:])}
	doc, problems := ParseDocument(file, src)
	if doc == nil {
		return servers, problems
	}
	p := serversParser{report: newReport(file)}
	p.addAll(problems)
	p.root(doc.Root)
	p.reportIgnored()
	problems = p.finish()
	if !HasErrors(problems) {
		servers.Entries = p.entries
	}
	return servers, problems
}

// serversParser holds what the parts of one servers file have in common.
type serversParser struct {
	*report
	entries []Entry
	ignored []Member // harmless keys of other programs
}

// topLevelKeys are the keys that may stand beside the servers.
var topLevelKeys = []string{"mcpServers"}

func (p *serversParser) root(root *Node) {
	if root.Kind != KindObject {
		p.add(root.Pos(), Error, "", CodeNoObject, `write {"mcpServers": {}}`,
			"the file must hold an object, not %s", withArticle(root.Kind))
		return
	}
	found := false
	for _, m := range root.Members() {
		switch m.Key {
		case "mcpServers":
			found = true
			p.servers(m)
		case "servers":
			found = true
			p.add(m.KeyPos(), Error, "servers", CodeServersKey, `rename it to "mcpServers"`,
				`the servers must stand under "mcpServers", not "servers"`)
		case "mcpProxy":
			p.foreignOptions(m.Value.Member("options"), "mcpProxy.options", "*")
			p.ignored = append(p.ignored, m)
		case "$schema", "inputs", "$comment", "_comment":
			p.ignored = append(p.ignored, m)
		default:
			p.unknownKey(m.KeyPos(), keyPath("", m.Key), m.Key, CodeUnknownKey, Warning, topLevelKeys)
		}
	}
	if !found {
		p.add(root.Pos(), Error, "", CodeNoServers, `add "mcpServers": {}; an empty object is fine`,
			`the key "mcpServers" is missing`)
	}
}

func (p *serversParser) servers(m Member) {
	if m.Value.Kind != KindObject {
		p.wrongKind(m.Value, "mcpServers", CodeWrongType, "an object of servers")
		return
	}
	for _, server := range m.Value.Members() {
		path := keyPath("mcpServers", server.Key)
		if reason := badServerName(server.Key); reason != "" {
			p.add(server.KeyPos(), Error, path, CodeServerName,
				"use 1 to 128 bytes of printable characters other than * ? [ ]", "a server's name %s", reason)
		}
		if server.Value.Kind != KindObject {
			p.wrongKind(server.Value, path, CodeWrongType, "an object")
			continue
		}
		p.entries = append(p.entries, p.entry(server, path))
	}
}

// ValidServerName says whether name can be the name of a server: 1 to 128
// bytes of printable UTF-8 without "*", "?", "[" and "]".
func ValidServerName(name string) bool { return badServerName(name) == "" }

func badServerName(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > MaxServerName:
		return "must not be longer than 128 bytes"
	case !utf8.ValidString(name):
		return "must be valid UTF-8"
	}
	for _, c := range name {
		switch {
		case c == '*' || c == '?' || c == '[' || c == ']':
			return "must not contain * ? [ or ]"
		case !unicode.IsPrint(c):
			return "must hold printable characters only"
		}
	}
	return ""
}
