package agents

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/identity"
	"gatehouse/internal/textcut"
)

// origins are the web origins, the hosts and the names that the operator allowed,
// in lower case.
type origins struct{ web, hosts, names map[string]struct{} }

func newOrigins(o Options) origins {
	return origins{web: lowerSet(o.AllowOrigins, "/"), hosts: lowerSet(o.AllowHosts, ""), names: lowerSet(o.AllowNames, ".")}
}

// lowerSet is a set of texts in lower case, without what they may end with.
func lowerSet(texts []string, end string) map[string]struct{} {
	set := make(map[string]struct{}, len(texts))
	for _, text := range texts {
		set[strings.ToLower(strings.TrimRight(text, end))] = struct{}{}
	}
	return set
}

// forbidden returns why a request must not be served, or nothing. It keeps web
// pages out: their Origin must be allowed, and a name that was rebound to the
// gateway's address shows in Host.
func (o origins) forbidden(r *http.Request) string {
	local := onLoopback(r)
	if !o.allowHost(r.Host, local) {
		host := textcut.Marked(r.Host, maxNameShown)
		return fmt.Sprintf("the Host %q is not allowed: if agents reach the gateway by that name, start it with --public-url http://%s or --allow-host %s", host, host, host)
	}
	switch origin := r.Header["Origin"]; {
	case len(origin) == 0, len(origin) == 1 && (origin[0] == "" || o.allow(origin[0], r.Host, local)):
		return ""
	case len(origin) > 1:
		return "a request has one Origin, and this one has more"
	}
	return "this Origin is not allowed: see --allow-origin"
}

// allowHost reports whether a Host is one of the gateway's. An address is, as no
// name can be rebound to it; at a loopback address only loopback ones are.
func (o origins) allowHost(host string, local bool) bool {
	name := strings.ToLower(hostOnly(host))
	if _, known := o.names[name]; known || isLoopback(name) {
		return true
	}
	if _, known := o.hosts[strings.ToLower(host)]; known {
		return true
	}
	_, err := netip.ParseAddr(name)
	return !local && err == nil
}

func (o origins) allow(origin, host string, local bool) bool {
	if _, ok := o.web[strings.ToLower(origin)]; ok {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !strings.EqualFold(origin, u.Scheme+"://"+u.Host) {
		return false // Whatever else a url may have, an Origin has not.
	}
	if strings.EqualFold(u.Host, host) {
		return true
	}
	return local && isLoopback(u.Hostname())
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

// onLoopback reports whether the connection came in at a loopback address.
func onLoopback(r *http.Request) bool {
	switch addr := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	case net.Addr:
		return isLoopback(hostOnly(addr.String()))
	default:
		return false
	}
}

// addressOf is where a request without a credential came from: what one client
// can hardly have many of. With a credential it does not matter.
func addressOf(r *http.Request, who *identity.Caller) string {
	if who.ID() != "" {
		return ""
	}
	if end := strings.LastIndexByte(r.RemoteAddr, ':'); end > 0 && r.RemoteAddr[0] != '[' {
		return r.RemoteAddr[:end]
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	addr := from.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, err := addr.Prefix(64)
	if err != nil { // It has that many bits.
		return "unknown"
	}
	return network.Addr().String()
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
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
	}, ", "))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}
