package admin

import (
	"context"
	"net/http"
	"net/url"
)

// NamedAgent is what a gateway makes of the name of an agent.
type NamedAgent struct {
	Name string `json:"name"`
	// Known reports whether the rules have it.
	Known bool `json:"known"`
	// Uses is the agent whose rules apply to it instead; empty if there is none.
	Uses string `json:"uses,omitempty"`
	// Near is the agent of the rules that was probably meant; empty if none is near.
	Near string `json:"near,omitempty"`
}

// AgentNamer is a Gateway that says what it makes of the name of an agent. It does
// not block.
type AgentNamer interface {
	NamedAgent(name string) NamedAgent
}

// NamedAgent asks what the gateway makes of the name of an agent.
func (c *Client) NamedAgent(ctx context.Context, name string) (NamedAgent, error) {
	var a NamedAgent
	err := c.ask(ctx, http.MethodGet, "/v1/agent?"+url.Values{"name": {name}}.Encode(), nil, &a)
	return a, err
}

func (s *Server) namedAgent(w http.ResponseWriter, r *http.Request) {
	namer, ok := s.gw.(AgentNamer)
	if !ok {
		reply(w, nil, &Error{http.StatusNotImplemented, "this gateway does not say what it makes of agents"})
		return
	}
	reply(w, namer.NamedAgent(r.URL.Query().Get("name")), nil)
}
