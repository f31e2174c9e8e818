package agents

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/entrance"
	"gatehouse/internal/identity"
	"gatehouse/internal/textcut"
	"gatehouse/internal/tracecontext"
	"gatehouse/internal/webguard"
)

// origins are the web origins, in lower case, and the hosts that the operator
// allowed.
type origins struct {
	web   map[string]struct{}
	hosts webguard.Hosts
}

func newOrigins(o Options) origins {
	return origins{web: webguard.LowerSet(o.AllowOrigins, "/"), hosts: webguard.NewHosts(o.AllowHosts, o.AllowNames)}
}

// forbidden returns why a request must not be served, or nothing. It keeps web
// pages out: their Origin must be allowed, and a name that was rebound to the
// gateway's address shows in Host.
func (o origins) forbidden(r *http.Request) string {
	if !o.hosts.Allow(r) {
		host := textcut.Marked(r.Host, maxNameShown)
		return fmt.Sprintf("the Host %q is not allowed: if agents reach the gateway by that name, start it with --public-url http://%s or --allow-host %s", host, host, host)
	}
	switch origin := r.Header["Origin"]; {
	case len(origin) == 0, len(origin) == 1 && (origin[0] == "" || o.allow(origin[0], r)):
		return ""
	case len(origin) > 1:
		return "a request has one Origin, and this one has more"
	}
	return "this Origin is not allowed: see --allow-origin"
}

func (o origins) allow(origin string, r *http.Request) bool {
	if _, ok := o.web[strings.ToLower(origin)]; ok {
		return true
	}
	u, ok := webguard.Origin(origin)
	return ok && (strings.EqualFold(u.Host, r.Host) || webguard.OnLoopback(r) && webguard.IsLoopback(u.Hostname()))
}

// singleHeaders are those that decide something, so that none may come twice.
var singleHeaders = []string{
	"Content-Type", headerSession, headerVersion, mcp.HeaderMethod, mcp.HeaderName, mcp.HeaderLastEventID,
}

// repeated returns the name of a header that came more than once and must not,
// or nothing.
func repeated(h http.Header) string {
	for _, name := range singleHeaders {
		if len(h[name]) > 1 {
			return name
		}
	}
	return ""
}

// addressOf is where a request without a credential came from. With a credential it
// does not matter.
func addressOf(r *http.Request, who *identity.Caller) string {
	if who.ID() != "" {
		return ""
	}
	return entrance.Network(r.RemoteAddr)
}

// allowCORS lets the page of an Origin that passed read the response.
func allowCORS(h http.Header, origin string) {
	h["Vary"] = varyOrigin
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", headerSession+", "+headerVersion+", WWW-Authenticate")
}

// varyOrigin is shared by all responses: net/http only reads it.
var varyOrigin = []string{"Origin"}

// preflight answers a browser's question before a request.
func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST, GET, DELETE")
	h.Set("Access-Control-Allow-Headers", strings.Join([]string{
		"Content-Type", "Accept", "Authorization", "Last-Event-ID",
		headerSession, headerVersion, "Mcp-Method", "Mcp-Name",
		tracecontext.KeyParent, tracecontext.KeyState, tracecontext.KeyBaggage,
	}, ", "))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}
