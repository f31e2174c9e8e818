package admin

import (
	"context"
	"net/http"

	"gatehouse/internal/find"
)

// Search is a question about the tools of all servers.
type Search struct {
	Query  string `json:"query"`
	Agent  string `json:"agent"`  // "": all tools, whoever may use them
	Server string `json:"server"` // "": of all servers
	Limit  int    `json:"limit"`
}

// SearchAnswer is the answer to a Search, best first.
type SearchAnswer struct {
	Fits bool        `json:"fits"`
	Hits []FoundTool `json:"hits"`
}

// FoundTool is a tool that was found.
type FoundTool struct {
	Server  string        `json:"server"`
	Tool    string        `json:"tool"`
	Summary string        `json:"summary,omitempty"`
	Why     []find.Reason `json:"why"`
}

// Find searches as search_tools does.
func (c *Client) Find(ctx context.Context, s Search) (SearchAnswer, error) {
	var found SearchAnswer
	err := c.ask(ctx, http.MethodPost, "/v1/find", s, &found)
	return found, err
}

func (s *Server) find(w http.ResponseWriter, r *http.Request) {
	var search Search
	if err := body(w, r, &search); err != nil {
		reply(w, nil, err)
		return
	}
	found, err := s.gw.Find(search)
	reply(w, found, err)
}
