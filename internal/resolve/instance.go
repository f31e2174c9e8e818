package resolve

import (
	"maps"
	"strings"

	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
)

// AgentName is the environment variable that names the agent to a process that
// is for one agent or session only.
const AgentName = "GATEHOUSE_AGENT"

// agentMark stands for the agent's id in a spec that many agents have one of: no
// value of an environment variable or a header can hold it.
const agentMark = "\x00agent\x00"

func withoutMark(text string) string { return strings.ReplaceAll(text, agentMark, "") }

// scopeOf is the scope of an entry as specs have it.
func scopeOf(e serversfile.Entry) serversfile.Scope {
	if e.Settings.Scope == serversfile.ScopeShared {
		return ""
	}
	return e.Settings.Scope
}

// For returns the spec of what runs for one agent. It shares no map with s.
func (s Spec) For(agent string) Spec {
	s.Env, s.Headers = filledIn(s.Env, agent), filledIn(s.Headers, agent)
	if s.Transport == serversfile.Stdio {
		if s.Env == nil {
			s.Env = map[string]string{}
		}
		s.Env[AgentName] = agent
	}
	return s
}

func filledIn(values map[string]string, agent string) map[string]string {
	values = maps.Clone(values)
	for name, value := range values {
		values[name] = strings.ReplaceAll(value, agentMark, agent)
	}
	return values
}

// SecretsFor are the secrets of what runs for one agent.
func SecretsFor(secrets []redact.Secret, agent string) []redact.Secret {
	own := make([]redact.Secret, len(secrets))
	for i, s := range secrets {
		own[i] = redact.Secret{Name: s.Name, Value: strings.ReplaceAll(s.Value, agentMark, agent)}
	}
	return own
}
