package peer

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
)

var errBadFrom = errors.New(headerFrom + " is not an address of the form ADDRESS:PORT")

// session serves a request that another gateway passes on for an agent: it is let in or
// not, and served, as if the agent had sent it here.
func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	from := r.Header.Get(headerFrom)
	if _, err := netip.ParseAddrPort(from); err != nil && from != "" {
		badRequest(w, errBadFrom)
		return
	}
	r.RemoteAddr = from
	for name := range r.Header {
		if strings.HasPrefix(name, "Gatehouse-") {
			delete(r.Header, name)
		}
	}
	http.StripPrefix(sessionsPath, s.cfg.Sessions).ServeHTTP(w, r)
}
