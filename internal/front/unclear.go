package front

import (
	"fmt"
	"strings"

	"gatehouse/internal/policy"
)

// unclear says what is wrong with the agent of a call, and what can be done about it
// where the call came from.
func (c *Call) unclear(wrong *policy.IdentityError, pinned []string) string {
	const how = "(--agent, or ?agent=NAME in its address)"
	switch {
	case !c.OfConnection:
		return wrong.Message
	case len(pinned) > 0:
		return fmt.Sprintf("This connection may not act as agent %q. It may be: %s. Tell the user to name one of these for it %s, or none.",
			c.RequestedAgent, strings.Join(pinned, ", "), how)
	case wrong.Code == policy.FallbackAgentNotInRules:
		return "This connection names no agent, and the one that GATEWAY_DEFAULT_AGENT names is not in the gateway's rules. " +
			"Tell the user to name one for it " + how + ", to add that agent to the rules file or to change GATEWAY_DEFAULT_AGENT."
	case wrong.Code == policy.NoFallbackConfigured:
		return "This connection names no agent, and the gateway has none to fall back on. " +
			"Tell the user to name one for it " + how + ", to set GATEWAY_DEFAULT_AGENT or to add an agent named \"default\" to the rules file."
	default: // What a connection names is well-formed.
		return "This connection names no agent, and one is required here. Tell the user to name one for it " + how + "."
	}
}
