package ops

import (
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/webguard"
)

// headers are those of every answer. The page's own files are all that it may
// load, and nobody may frame it. With no-referrer a form would have no Origin.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

// guarded keeps out web pages of others, and methods that change things.
func (s *Server) guarded(next http.Handler) http.Handler {
	hosts := webguard.NewHosts(nil, s.opts.Names)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		switch {
		case !hosts.Allow(r):
			s.sorry(w, http.StatusForbidden, "This Host is not allowed: see --allow-host.")
		case foreign(r):
			s.sorry(w, http.StatusForbidden, "Pages of other origins may not ask this one.")
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !isAction(r):
			w.Header().Set("Allow", "GET, HEAD")
			s.sorry(w, http.StatusMethodNotAllowed, "Only GET and HEAD are served here.")
		case isAction(r) && r.Method != http.MethodPost:
			w.Header().Set("Allow", "POST")
			s.sorry(w, http.StatusMethodNotAllowed, "Actions are asked for by POST.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func isAction(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/actions/") }

// foreign reports whether a page of another origin has made a request. A link
// there may lead here: that shows the page to its reader, and tells the other
// page nothing.
func foreign(r *http.Request) bool {
	if origins := r.Header.Values("Origin"); len(origins) > 0 && (len(origins) > 1 || !ownOrigin(r, origins[0])) {
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	navigates := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return !navigates || r.Method != http.MethodGet
}

// ownOrigin reports whether an Origin is that of the address asked for.
func ownOrigin(r *http.Request, origin string) bool {
	scheme := "http"
	if isTLS(r) {
		scheme = "https"
	}
	u, ok := webguard.Origin(origin)
	return ok && u.Scheme == scheme && strings.EqualFold(u.Host, r.Host)
}

// fromPage reports whether a request has a header that only a page of the same
// origin, or a program, can have set.
func fromPage(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") == "same-origin" || slices.ContainsFunc(r.Header.Values("Origin"), func(o string) bool { return ownOrigin(r, o) })
}
