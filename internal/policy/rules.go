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
	// bytes, even an empty one. It is the only wildcard.
	Pattern string
	// Path names the rule as agents see it, for example
	// agents.backend.deny.tools["*"][0].
	Path string
	Pos  Position
}

// ToolRules is one key of a "tools" object: a server name or pattern and the
// tool patterns listed under it.
type ToolRules struct {
	Server Rule
	Tools  []Rule
}

// Agent is what the rules file says about one agent, in file order.
type Agent struct {
	ID           string
	Pos          Position
	AllowServers []Rule
	AllowTools   []ToolRules
	DenyServers  []Rule
	DenyTools    []ToolRules
	// AllowToolsPos is where the value of allow.tools begins, nowhere if there
	// is none.
	AllowToolsPos Position
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
