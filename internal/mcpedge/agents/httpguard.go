package agents

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"gatehouse/internal/identity"
	"gatehouse/internal/textcut"
)

// origins are the web origins and hosts that the operator allowed, in lower
// case.
type origins struct{ web, hosts map[string]struct{} }

func newOrigins(web, hosts []string) origins {
	o := origins{web: make(map[string]struct{}, len(web)), hosts: make(map[string]struct{}, len(hosts))}
	for _, w := range web {
		o.web[strings.ToLower(strings.TrimRight(w, "/"))] = struct{}{}
	}
	for _, h := range hosts {
		o.hosts[strings.ToLower(h)] = struct{}{}
	}
	return o
}

// forbidden returns why a request must not be served, or nothing. It keeps web
// pages out: their Origin must be allowed, and a name that was rebound to
// loopback shows in Host.
func (o origins) forbidden(r *http.Request) string {
	local := onLoopback(r)
	if _, known := o.hosts[strings.ToLower(r.Host)]; local && !known && !isLoopback(hostOnly(r.Host)) {
		host := textcut.Marked(r.Host, maxNameShown)
		return fmt.Sprintf("the Host %q is not allowed on a loopback address: if agents reach the gateway by that name, start it with --public-url http://%s", host, host)
	}
	origin := r.Header.Get("Origin")
	if origin == "" || o.allow(origin, r.Host, local) {
		return ""
	}
	return "this Origin is not allowed: see --allow-origin"
}

func (o origins) allow(origin, host string, local bool) bool {
	if _, ok := o.web[strings.ToLower(origin)]; ok {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" {
		return false
	}
	if strings.EqualFold(u.Host, host) {
		return true
	}
	return local && isLoopback(u.Hostname())
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
