package policy

import "fmt"

// Step is the step of a decision that gave the answer; the zero Step is not one.
// Steps are ordered as they are taken.
type Step uint8

// The steps, in the order in which they are taken.
const (
	// UnknownAgent: the rules do not know the agent. Deny.
	UnknownAgent Step = iota + 1
	// ServerDenied: deny.servers matches the server. Deny.
	ServerDenied
	// ServerNotAllowed: allow.servers does not match the server. Deny.
	ServerNotAllowed
	// ServerAllowed: no tool was asked for and allow.servers matches. Allow.
	ServerAllowed
	// ToolDeniedExact: deny.tools has the tool's exact name. Deny.
	ToolDeniedExact
	// ToolDeniedPattern: a pattern of deny.tools matches the tool. Deny.
	ToolDeniedPattern
	// ToolAllowedExact: allow.tools has the tool's exact name. Allow.
	ToolAllowedExact
	// ToolAllowedPattern: a pattern of allow.tools matches the tool. Allow.
	ToolAllowedPattern
	// ImplicitGrant: no key of allow.tools matches the server. Allow.
	ImplicitGrant
	// ToolNotAllowed: allow.tools has a key for the server and lists no rule
	// that matches the tool. Deny.
	ToolNotAllowed
)

var stepNames = [...]string{
	UnknownAgent:       "unknown_agent",
	ServerDenied:       "server_denied",
	ServerNotAllowed:   "server_not_allowed",
	ServerAllowed:      "server_allowed",
	ToolDeniedExact:    "tool_denied_exact",
	ToolDeniedPattern:  "tool_denied_pattern",
	ToolAllowedExact:   "tool_allowed_exact",
	ToolAllowedPattern: "tool_allowed_pattern",
	ImplicitGrant:      "implicit_grant",
	ToolNotAllowed:     "tool_not_allowed",
}

// Steps lists all steps in the order in which they are taken.
func Steps() []Step {
	steps := make([]Step, 0, len(stepNames)-1)
	for s := UnknownAgent; s <= ToolNotAllowed; s++ {
		steps = append(steps, s)
	}
	return steps
}

// ParseStep finds the step of a name such as "server_denied".
func ParseStep(name string) (Step, bool) {
	for s := UnknownAgent; s <= ToolNotAllowed; s++ {
		if stepNames[s] == name {
			return s, true
		}
	}
	return 0, false
}

// String returns the name that audit lines, results and tests of policies use;
// "" for the zero Step.
func (s Step) String() string {
	if int(s) < len(stepNames) {
		return stepNames[s]
	}
	return fmt.Sprintf("step(%d)", uint8(s))
}

// Allows reports whether a decision at this step is an allow.
func (s Step) Allows() bool {
	switch s {
	case ServerAllowed, ToolAllowedExact, ToolAllowedPattern, ImplicitGrant:
		return true
	case UnknownAgent, ServerDenied, ServerNotAllowed, ToolDeniedExact, ToolDeniedPattern, ToolNotAllowed:
		return false
	default:
		return false
	}
}

// MarshalText returns the name, so that JSON has names and not numbers.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name as MarshalText writes it.
func (s *Step) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = 0
		return nil
	}
	step, ok := ParseStep(string(text))
	if !ok {
		return fmt.Errorf("cannot read policy step %.40q: no such step", text)
	}
	*s = step
	return nil
}
