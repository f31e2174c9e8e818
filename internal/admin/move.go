package admin

import (
	"context"
	"net/http"
	"strings"
)

// MoveServer is the action that leaves a server to another gateway of the fleet.
const MoveServer Action = "move"

// MoveQuery says which gateway of the fleet is to run a server; empty: one is chosen.
type MoveQuery struct {
	Node string `json:"node,omitempty"`
}

// Moved is where a server, and each of its instances that runs, has gone.
type Moved struct {
	Server string   `json:"server"`
	From   []string `json:"from"`  // the nodes that ran it
	Nodes  []string `json:"nodes"` // those that run it now; empty: it starts with its next call
	State  string   `json:"state"` // where it runs; of instances the worst
	Reason string   `json:"reason,omitempty"`
}

// String says it in one sentence, without the reason.
func (m Moved) String() string {
	from := strings.Join(m.From, " and ")
	if len(m.Nodes) == 0 {
		return "it does not run at " + from + " any more; it starts with its next call"
	}
	return "it is " + m.State + " at " + strings.Join(m.Nodes, " and ") + " now; it was at " + from
}

// Move has another gateway of the fleet run a server; an empty node has one chosen.
func (c *Client) Move(ctx context.Context, server, node string) (Moved, error) {
	var moved Moved
	err := c.ask(ctx, http.MethodPost, "/v1/servers/"+escape(server)+"/"+string(MoveServer), MoveQuery{Node: node}, &moved)
	return moved, err
}

func (s *Server) move(w http.ResponseWriter, r *http.Request) {
	var q MoveQuery
	if err := body(w, r, &q); err != nil {
		reply(w, nil, err)
		return
	}
	moved, err := s.gw.Move(r.Context(), r.PathValue("name"), q.Node)
	reply(w, moved, err)
}
