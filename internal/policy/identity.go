package policy

import (
	"fmt"
	"slices"
	"strings"
)

// MaxAgentIDBytes is the greatest length of an agent id.
const MaxAgentIDBytes = 128

// ValidAgentID reports whether id is well-formed: 1 to MaxAgentIDBytes of
// ASCII letters, digits, "_", "." and "-".
func ValidAgentID(id string) bool {
	if id == "" || len(id) > MaxAgentIDBytes {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}

// IdentityCode is the error code of a call whose agent is unclear.
type IdentityCode string

// The codes, as agents see them.
const (
	InvalidAgentID          IdentityCode = "INVALID_AGENT_ID"
	FallbackAgentNotInRules IdentityCode = "FALLBACK_AGENT_NOT_IN_RULES"
	NoFallbackConfigured    IdentityCode = "NO_FALLBACK_CONFIGURED"
)

// IdentityError says why it is unclear who is calling.
type IdentityError struct {
	Code IdentityCode
	// Message is for the model: what is wrong and what to do next. It names no
	// agent but those of the caller's own pin and what the caller sent.
	Message string
}

func (e *IdentityError) Error() string { return e.Message }

// ResolveAgent returns the id of the agent to decide by: the one that is asked
// for, or one that stands in for it by configuration. requested is the agent_id
// of the call and present whether it had one; an empty agent_id counts as none,
// and so must null. pinned is the set of agents that the connection may be, nil
// if it is not pinned. defaultAgent is GATEWAY_DEFAULT_AGENT, "" if unset. The
// error is nil or says what to do; an agent that the rules don't know is not an
// error, but denied by Decide.
func (p *Policy) ResolveAgent(requested string, present bool, pinned []string, defaultAgent string) (string, *IdentityError) {
	if !present {
		requested = ""
	}
	if len(pinned) > 0 {
		return p.resolvePinned(requested, pinned)
	}
	if requested == "" {
		return p.resolveMissing(defaultAgent)
	}
	if !ValidAgentID(requested) {
		return "", invalid("%s Use the agent name that your instructions give you.%s",
			malformed(requested), p.orLeaveOut())
	}
	return p.StandIn(requested), nil
}

func (p *Policy) resolvePinned(requested string, pinned []string) (string, *IdentityError) {
	switch {
	case requested == "":
		return pinned[0], nil // An identity: nobody stands in for it.
	case slices.Contains(pinned, requested):
		return requested, nil
	case !ValidAgentID(requested):
		return "", invalid("%s This connection may be: %s. Use one of these as agent_id, or leave agent_id out.",
			malformed(requested), strings.Join(pinned, ", "))
	default:
		return "", invalid("This connection may not act as agent %q. It may be: %s. Use one of these as agent_id, or leave agent_id out.",
			requested, strings.Join(pinned, ", "))
	}
}

func (p *Policy) resolveMissing(defaultAgent string) (string, *IdentityError) {
	switch {
	case p.denyOnMissingAgent:
		return "", invalid("agent_id is required here and was missing. Set agent_id to the agent name that your instructions give you; if they give none, ask the user for it.")
	case defaultAgent != "" && p.HasAgent(defaultAgent):
		return defaultAgent, nil
	case defaultAgent != "":
		return "", &IdentityError{
			FallbackAgentNotInRules,
			"agent_id was missing, and the agent that GATEWAY_DEFAULT_AGENT names is not in the gateway's rules. " +
				"Set agent_id if your instructions give you one; else tell the user to add that agent to the rules file or to change GATEWAY_DEFAULT_AGENT.",
		}
	case p.HasAgent(DefaultAgent):
		return DefaultAgent, nil
	default:
		return "", &IdentityError{
			NoFallbackConfigured,
			"agent_id was missing, and the gateway has no agent to fall back on. " +
				"Set agent_id if your instructions give you one; else tell the user to set GATEWAY_DEFAULT_AGENT or to add an agent named \"default\" to the rules file.",
		}
	}
}

// StandIn returns the id by whose rules a caller is decided who says that it is
// this agent and proves nothing: the id itself, or that of the stand-in for
// strangers if the id is well-formed, the rules don't know it and have one.
func (p *Policy) StandIn(id string) string {
	if p.strangersAreDefault && !p.HasAgent(id) && ValidAgentID(id) {
		return DefaultAgent
	}
	return id
}

// malformed returns what is wrong with an id. It quotes at most as much of it as
// an id may have.
func malformed(id string) string {
	if len(id) > MaxAgentIDBytes {
		return fmt.Sprintf("agent_id is %d bytes long; at most %d are allowed.", len(id), MaxAgentIDBytes)
	}
	return fmt.Sprintf("agent_id %+q is not an agent name: only letters, digits, \"_\", \".\" and \"-\" are allowed.", id)
}

// orLeaveOut returns the advice to leave agent_id out, where that can help.
func (p *Policy) orLeaveOut() string {
	if p.denyOnMissingAgent {
		return ""
	}
	return " If they give none, leave agent_id out."
}

func invalid(format string, args ...any) *IdentityError {
	return &IdentityError{Code: InvalidAgentID, Message: fmt.Sprintf(format, args...)}
}
