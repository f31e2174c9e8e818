package main

import (
	"net/http"

	"gatehouse/internal/admin"
)

// Find implements admin.Gateway.
func (o *operator) Find(s admin.Search) (admin.SearchAnswer, error) {
	snap := o.app.store.Load()
	if s.Server != "" {
		if _, ok := snap.Route(s.Server); !ok {
			return admin.SearchAnswer{}, &admin.Error{Status: http.StatusNotFound, Message: noServer(s.Server, snap.Names())}
		}
	}
	if s.Agent != "" {
		id, err := snap.Policy.ResolveAgent(s.Agent, true, o.app.opts.agents, o.app.opts.defaultAgent)
		if err != nil {
			return admin.SearchAnswer{}, &admin.Error{Status: http.StatusBadRequest, Message: err.Message}
		}
		s.Agent = id
	}
	fits, hits := o.app.tools.Find(snap, s.Agent, s.Query, s.Server, s.Limit)
	out := admin.SearchAnswer{Fits: fits, Hits: []admin.FoundTool{}}
	for _, h := range hits {
		out.Hits = append(out.Hits, admin.FoundTool(h))
	}
	return out, nil
}
