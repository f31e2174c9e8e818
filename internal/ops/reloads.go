package ops

import (
	"net/http"

	"gatehouse/internal/admin"
)

// reloads is what the page of the reloads shows.
type reloads struct {
	frame

	Reports []admin.Report // the newest first
	Status  admin.Status
}

func (s *Server) reloads(w http.ResponseWriter, r *http.Request) {
	s.render(w, http.StatusOK, "reloads", s.reports(r))
}

func (s *Server) reports(r *http.Request) reloads {
	page := reloads{frame: s.frame(r, "Reloads", s.liveAt("reloads", nil)), Reports: reversed(s.opts.Gateway.Reloads()), Status: s.opts.Gateway.Status()}
	if r.URL.Query().Get("did") == "reload" {
		page.Did = "All files have been read."
	}
	return page
}

func (s *Server) drawReloads(r *http.Request) (picture, bool) {
	page := s.reports(r)
	return picture{parts: []fragment{s.fragment("reload-list", "reload-list", page), s.fragment("files", "files", page)}}, true
}
