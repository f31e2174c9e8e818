package agents

import (
	"html"
	"io"
	"net/http"
	"strings"

	"gatehouse/internal/textcut"
)

// Elsewhere returns the handler of all paths that are not MCP's, which is at
// path: it says so, in one line, and to a browser at / on a page.
func (e *Edge) Elsewhere(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer giveUpBody(w, r)
		switch why := e.origins.forbidden(r); {
		case why != "":
			http.Error(w, why, http.StatusForbidden)
		case r.URL.Path == "/" && wantsPage(r):
			showPage(w, r, path)
		default:
			nothingHere(w, path)
		}
	})
}

// nothingHere says that there is nothing at an address, or nothing that the
// caller may use.
func nothingHere(w http.ResponseWriter, path string) {
	http.Error(w, "nothing is here: MCP is at "+path, http.StatusNotFound)
}

// wantsPage reports whether a person with a browser asks. An MCP client does not
// ask for HTML, and asks for events where it listens.
func wantsPage(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return r.Method == http.MethodGet && strings.Contains(accept, "text/html") && !strings.Contains(accept, "text/event-stream")
}

// showPage says where MCP is. It reveals nothing else, so it asks for no
// credential.
func showPage(w http.ResponseWriter, r *http.Request, path string) {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	address := html.EscapeString(scheme + textcut.Marked(r.Host, maxNameShown) + path)
	_, _ = io.WriteString(w, "<!doctype html><meta charset=utf-8><title>gatehouse</title>\n"+
		"<h1>gatehouse</h1>\n<p>This is an MCP gateway. It speaks to MCP clients, not to browsers: give your client the address <code>"+
		address+"</code>.\n") // Whoever asked may be gone.
}
