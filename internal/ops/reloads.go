package ops

import (
	"net/http"
	"slices"

	"gatehouse/internal/admin"
)

// reloads is what the page of the reloads shows.
type reloads struct {
	frame

	Reports []admin.Report // the newest first
}

func (s *Server) reloads(w http.ResponseWriter, r *http.Request) {
	s.render(w, http.StatusOK, "reloads", s.reports(r))
}

func (s *Server) reports(r *http.Request) reloads {
	page := reloads{frame: s.frame(r, "Reloads", ""), Reports: slices.Clone(s.opts.Gateway.Status().Reloads)}
	slices.SortStableFunc(page.Reports, func(a, b admin.Report) int { return b.At.Compare(a.At) })
	if r.URL.Query().Get("did") == "reload" {
		page.Did = "All files have been read."
	}
	return page
}
