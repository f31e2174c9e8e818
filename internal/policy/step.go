package policy

import (
	"fmt"
	"slices"
)

// Step is the step of a decision that gave the answer; the zero Step is not one.
// The steps of each kind of question are ordered as they are taken.
type Step uint8

// The steps.
const (
	// UnknownAgent: the rules do not know the agent. Deny.
	UnknownAgent Step = iota + 1
	// ServerDenied: deny.servers matches the server. Deny.
	ServerDenied
	// ServerNotAllowed: allow.servers does not match the server. Deny.
	ServerNotAllowed
	// ServerAllowed: only the server was asked for and allow.servers matches. Allow.
	ServerAllowed
	// ToolDeniedExact: deny.tools has the tool's exact name. Deny.
	ToolDeniedExact
	// ToolDeniedPattern: a pattern or annotation of deny.tools matches the tool. Deny.
	ToolDeniedPattern
	// ToolAllowedExact: allow.tools has the tool's exact name. Allow.
	ToolAllowedExact
	// ToolAllowedPattern: a pattern or annotation of allow.tools matches the tool. Allow.
	ToolAllowedPattern
	// ImplicitGrant: no key of allow.tools matches the server; for a resource or a
	// prompt, nor one of allow.resources or allow.prompts. Allow.
	ImplicitGrant
	// ToolNotAllowed: allow.tools has a key for the server and lists no rule
	// that matches the tool. Deny.
	ToolNotAllowed

	// ResourceDeniedExact: deny.resources has the exact URI, or one of that meaning. Deny.
	ResourceDeniedExact
	// ResourceDeniedPattern: a pattern of deny.resources matches the URI, or what it
	// means. Deny.
	ResourceDeniedPattern
	// ResourceAllowedExact: allow.resources has the exact URI. Allow.
	ResourceAllowedExact
	// ResourceRefused: the URI has control characters or "..". Deny.
	ResourceRefused
	// ResourceAllowedPattern: a pattern of allow.resources matches the URI. Allow.
	ResourceAllowedPattern
	// ResourceNotAllowed: allow.resources or allow.tools has a key for the server,
	// and no rule matches the URI. Deny.
	ResourceNotAllowed

	// PromptDeniedExact: deny.prompts has the prompt's exact name. Deny.
	PromptDeniedExact
	// PromptDeniedPattern: a pattern of deny.prompts matches the prompt. Deny.
	PromptDeniedPattern
	// PromptAllowedExact: allow.prompts has the prompt's exact name. Allow.
	PromptAllowedExact
	// PromptAllowedPattern: a pattern of allow.prompts matches the prompt. Allow.
	PromptAllowedPattern
	// PromptNotAllowed: allow.prompts or allow.tools has a key for the server, and no
	// rule matches the prompt. Deny.
	PromptNotAllowed

	lastStep = PromptNotAllowed
)

// act is what a step does, for whatever kind of thing.
type act uint8

const (
	knowsAgent act = iota
	deniesServer
	requiresServer
	endsAtServer
	deniesExact
	deniesPattern
	allowsExact
	refuses
	allowsPattern
	grants
	ends
)

// steps say of each step what it is called and does, and which list it reads.
var steps = [...]struct {
	name string
	act  act
	kind Kind
}{
	UnknownAgent:           {"unknown_agent", knowsAgent, Servers},
	ServerDenied:           {"server_denied", deniesServer, Servers},
	ServerNotAllowed:       {"server_not_allowed", requiresServer, Servers},
	ServerAllowed:          {"server_allowed", endsAtServer, Servers},
	ToolDeniedExact:        {"tool_denied_exact", deniesExact, Tools},
	ToolDeniedPattern:      {"tool_denied_pattern", deniesPattern, Tools},
	ToolAllowedExact:       {"tool_allowed_exact", allowsExact, Tools},
	ToolAllowedPattern:     {"tool_allowed_pattern", allowsPattern, Tools},
	ImplicitGrant:          {"implicit_grant", grants, Tools},
	ToolNotAllowed:         {"tool_not_allowed", ends, Tools},
	ResourceDeniedExact:    {"resource_denied_exact", deniesExact, Resources},
	ResourceDeniedPattern:  {"resource_denied_pattern", deniesPattern, Resources},
	ResourceAllowedExact:   {"resource_allowed_exact", allowsExact, Resources},
	ResourceRefused:        {"resource_refused", refuses, Resources},
	ResourceAllowedPattern: {"resource_allowed_pattern", allowsPattern, Resources},
	ResourceNotAllowed:     {"resource_not_allowed", ends, Resources},
	PromptDeniedExact:      {"prompt_denied_exact", deniesExact, Prompts},
	PromptDeniedPattern:    {"prompt_denied_pattern", deniesPattern, Prompts},
	PromptAllowedExact:     {"prompt_allowed_exact", allowsExact, Prompts},
	PromptAllowedPattern:   {"prompt_allowed_pattern", allowsPattern, Prompts},
	PromptNotAllowed:       {"prompt_not_allowed", ends, Prompts},
}

// stepsOf are the steps that a question of each kind takes once the agent is known.
var stepsOf = [kinds][]Step{
	Servers: {ServerDenied, ServerNotAllowed, ServerAllowed},
	Tools: {
		ServerDenied, ServerNotAllowed, ServerAllowed,
		ToolDeniedExact, ToolDeniedPattern, ToolAllowedExact, ToolAllowedPattern, ImplicitGrant, ToolNotAllowed,
	},
	Resources: {
		ServerDenied, ServerNotAllowed, ServerAllowed, ResourceDeniedExact, ResourceDeniedPattern,
		ResourceAllowedExact, ResourceRefused, ResourceAllowedPattern, ImplicitGrant, ResourceNotAllowed,
	},
	Prompts: {
		ServerDenied, ServerNotAllowed, ServerAllowed,
		PromptDeniedExact, PromptDeniedPattern, PromptAllowedExact, PromptAllowedPattern, ImplicitGrant, PromptNotAllowed,
	},
}

// Steps lists all steps.
func Steps() []Step {
	list := make([]Step, 0, lastStep)
	for s := UnknownAgent; s <= lastStep; s++ {
		list = append(list, s)
	}
	return list
}

// ParseStep finds the step of a name such as "server_denied".
func ParseStep(name string) (Step, bool) {
	for s := UnknownAgent; s <= lastStep; s++ {
		if steps[s].name == name {
			return s, true
		}
	}
	return 0, false
}

// String returns the name that audit lines, results and tests of policies use;
// "" for the zero Step.
func (s Step) String() string {
	if int(s) < len(steps) {
		return steps[s].name
	}
	return fmt.Sprintf("step(%d)", uint8(s))
}

// act returns what the step does; a step that is not one ends without an answer.
func (s Step) act() act {
	if s == 0 || int(s) >= len(steps) {
		return ends
	}
	return steps[s].act
}

// Allows reports whether a decision at this step is an allow.
func (s Step) Allows() bool {
	switch s.act() {
	case endsAtServer, allowsExact, allowsPattern, grants:
		return true
	case knowsAgent, deniesServer, requiresServer, deniesExact, deniesPattern, refuses, ends:
		return false
	default:
		return false
	}
}

// Asks reports whether a question of that kind takes the step.
func (s Step) Asks(k Kind) bool {
	if s.act() == knowsAgent || s.act() == endsAtServer {
		return s.act() == knowsAgent || k == Servers
	}
	return slices.Contains(stepsOf[k], s)
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
