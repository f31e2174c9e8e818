package admin

import (
	"context"
	"net/http"

	"gatehouse/internal/policy"
)

// Question asks for a decision and the way to it. Without an Agent the caller
// has no agent_id; without a Tool, Resource or Prompt the question is the server. At
// most one of them is set.
type Question struct {
	Agent    string `json:"agent,omitempty"`
	Server   string `json:"server"`
	Tool     string `json:"tool,omitempty"`
	Resource string `json:"resource,omitempty"` // a URI, or the text of a template
	Prompt   string `json:"prompt,omitempty"`
}

// About is the question without the agent, about a tool with unknown annotations.
func (q Question) About() policy.Question {
	about := policy.Question{Server: q.Server, Kind: policy.Tools, Name: q.Tool}
	switch {
	case q.Resource != "":
		about.Kind, about.Name = policy.Resources, q.Resource
	case q.Prompt != "":
		about.Kind, about.Name = policy.Prompts, q.Prompt
	}
	return about
}

// Explainer is a Gateway that explains decisions of the rules in force. It
// does not block.
type Explainer interface {
	Explain(q Question) (policy.Explanation, error)
}

// Explain asks for a decision by the rules in force and the way to it.
func (c *Client) Explain(ctx context.Context, q Question) (policy.Explanation, error) {
	var e policy.Explanation
	err := c.ask(ctx, http.MethodPost, "/v1/explain", q, &e)
	return e, err
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	var q Question
	if err := body(w, r, &q); err != nil {
		reply(w, nil, err)
		return
	}
	e, ok := s.gw.(Explainer)
	if !ok {
		reply(w, nil, &Error{http.StatusNotImplemented, "this gateway cannot explain decisions"})
		return
	}
	answer, err := e.Explain(q)
	reply(w, answer, err)
}
