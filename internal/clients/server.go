package clients

import (
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/serversfile"
)

// Server is a server as a client has it, in the words of our own format.
type Server struct {
	Client *Client
	Name   string
	// Written is its name in the client's file, which may be one that cannot be one here,
	// or empty.
	Written string
	Pos     policy.Position // of its name

	Transport   serversfile.Transport
	Command     Value
	Args        []Value
	Env         []Named
	EnvFile     string // where ${...} is looked up, absolute
	Cwd         Value
	URL         Value
	Headers     []Named
	Description string
	StartMillis int64 // 0 is the default
	CallMillis  int64

	// Off is set if the client does not start it.
	Off bool
	// Allowed are the tools that the client may use; nil is all of them. A "*" in
	// one stands for any run of characters.
	Allowed *[]string
	// Denied are tools that it may not use.
	Denied []string
	// Kept is set if it may not use the server at all.
	Kept bool
	// Itself is set if the server is gatehouse.
	Itself bool
	// LeftOut says why the server cannot be taken over; empty if it can.
	LeftOut string
}

// Named is a variable of the environment or a header.
type Named struct {
	Name  string
	Value Value
}

// Value is a text with variables.
type Value []Part

// Part is one piece of a Value: a text, a variable or a file. Exactly one of the
// first three is set, but for a text, which may be empty.
type Part struct {
	Text string
	Var  string
	File string // absolute, or with ~
	// Default stands for an empty variable.
	Default    string
	HasDefault bool
}

// home is the variable of the user's home.
const home = "userHome"

// String writes a value in our own syntax.
func (v Value) String() string {
	var b strings.Builder
	for _, p := range v {
		switch {
		case p.Var != "" && p.HasDefault:
			b.WriteString("${" + p.Var + ":-" + p.Default + "}")
		case p.Var != "":
			b.WriteString("${" + p.Var + "}")
		case p.File != "":
			b.WriteString("${file:" + p.File + "}")
		default:
			b.WriteString(strings.ReplaceAll(p.Text, "${", "$${"))
		}
	}
	return b.String()
}

// Plain is the text of a value that has no variable.
func (v Value) Plain() (string, bool) {
	var b strings.Builder
	for _, p := range v {
		if p.Var != "" || p.File != "" {
			return "", false
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

func text(s string) Value {
	if s == "" {
		return nil
	}
	return Value{{Text: s}}
}

func variable(name string) Value { return Value{{Var: name}} }

// Same reports whether two servers are one: the same program or address, with the
// same environment.
func (s *Server) Same(other *Server) bool { return s.identity() == other.identity() }

func (s *Server) identity() string {
	var b strings.Builder
	add := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
			b.WriteByte(0)
		}
	}
	if s.Transport == serversfile.SSE {
		add("sse")
	}
	add(s.Command.String(), s.Cwd.String(), s.URL.String(), s.EnvFile)
	for _, a := range s.Args {
		add("arg", a.String())
	}
	for _, list := range [][]Named{s.Env, s.Headers} {
		sorted := make(map[string]string, len(list))
		for _, n := range list {
			sorted[n.Name] = n.Value.String()
		}
		for _, name := range sortedKeys(sorted) {
			add("named", name, sorted[name])
		}
	}
	return b.String()
}

// Kind says what a Note is about.
type Kind string

// The kinds of notes.
const (
	// Info is what means nothing here.
	Info Kind = "info"
	// Attention is what its owner must do or know.
	Attention Kind = "attention"
	// Restriction is what became a rule.
	Restriction Kind = "restriction"
	// Left is a server, or a file, that is not taken over.
	Left Kind = "left out"
)

// Note is one thing to be said about what was read. It never holds a value of env
// or headers.
type Note struct {
	Client string          `json:"client"`
	Pos    policy.Position `json:"-"`
	File   string          `json:"file"`
	Line   int             `json:"line,omitempty"`
	Server string          `json:"server,omitempty"`
	Kind   Kind            `json:"kind"`
	Text   string          `json:"text"`
}

// ToolRule keeps a client from tools of servers; both may be patterns. Where it
// meets no server it is a rule all the same.
type ToolRule struct {
	Server, Tool string
	File         string // where it is written
}
