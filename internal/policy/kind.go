package policy

// Kind is a kind of thing that questions are about.
type Kind uint8

// The kinds. Rules list things of all of them but Servers by server.
const (
	// Servers: the question is about the server itself.
	Servers Kind = iota
	Tools
	Resources
	Prompts

	kinds = iota
)

// Listed are the kinds that rules list by server, in the order of their rules.
var Listed = [...]Kind{Tools, Resources, Prompts}

// String returns the kind of one thing, such as "tool".
func (k Kind) String() string {
	switch k {
	case Tools:
		return "tool"
	case Resources:
		return "resource"
	case Prompts:
		return "prompt"
	case Servers:
		return "server"
	default:
		return ""
	}
}

// Plural returns the key of such rules in "allow" and "deny", such as "tools".
func (k Kind) Plural() string { return k.String() + "s" }

// Question is what is asked about one agent.
type Question struct {
	Server string
	Kind   Kind
	// Name is a tool's or prompt's name, or a resource's URI. Without a name a
	// question about tools is about the server.
	Name string
	// Annotations are those of the tool, if its definition is known.
	Annotations Annotations
}
