package policy

// Position is a place in a file. Line and Column count from 1; Column counts
// code points. The zero Position means "nowhere".
type Position struct {
	File   string
	Line   int
	Column int
}

// Rule is one pattern of a rules file and where it is written.
type Rule struct {
	// Pattern matches a whole name, byte for byte; "*" stands for any run of
	// bytes, even an empty one. It is the only wildcard. Of a rule for tools it
	// may be an annotation: see [IsAnnotation].
	Pattern string
	// Path names the rule as agents see it, for example
	// agents.backend.deny.tools["*"][0].
	Path string
	Pos  Position
}

// ServerRules is one key of an object such as "tools": a server name or pattern,
// and the rules listed under it.
type ServerRules struct {
	Server Rule
	Rules  []Rule
}

// Access is an "allow" or a "deny", in file order.
type Access struct {
	Servers   []Rule
	Tools     []ServerRules
	Resources []ServerRules
	Prompts   []ServerRules
}

// Of returns the rules about things of a kind.
func (a *Access) Of(k Kind) []ServerRules {
	switch k {
	case Resources:
		return a.Resources
	case Prompts:
		return a.Prompts
	case Tools:
		return a.Tools
	case Servers:
	}
	return nil
}

// Append adds the rules of another access behind its own.
func (a *Access) Append(more Access) {
	a.Servers = append(a.Servers, more.Servers...)
	a.Tools = append(a.Tools, more.Tools...)
	a.Resources = append(a.Resources, more.Resources...)
	a.Prompts = append(a.Prompts, more.Prompts...)
}

// Agent is what the rules file says about one agent, in file order.
type Agent struct {
	ID          string
	Pos         Position
	Allow, Deny Access
	// AllowToolsPos is where the value of allow.tools begins, nowhere if there
	// is none.
	AllowToolsPos Position
	// Expose are the tools that are shown beside the gateway's own, as far as
	// they are allowed.
	Expose []ServerRules
	// Instructions are words for the agent's model; they decide nothing.
	Instructions string
	// Limits are how much it may use: its own, those of its roles and the
	// defaults together.
	Limits Limits
	// Roles are the roles whose rules stand in the lists above, after its own,
	// in that order.
	Roles []string
}

// Role is a named group of rules that agents extend. Its rules are in those of
// the agents.
type Role struct {
	Name string
	Pos  Position
}

// Rules is a parsed and valid rules file.
type Rules struct {
	// File is the file's name as it was given to the parser.
	File   string
	Agents []Agent
	// Roles are in file order.
	Roles []Role
	// DenyOnMissingAgent is defaults.deny_on_missing_agent; true unless the
	// file says otherwise.
	DenyOnMissingAgent bool
	// DenyOnMissingAgentPos is where the file says so, nowhere if it does not.
	DenyOnMissingAgentPos Position
	// Instructions are words for the model of every agent; they decide nothing.
	Instructions string
	// Hash is the lower-case hex SHA-256 of the file's bytes.
	Hash string
}
