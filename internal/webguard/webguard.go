// Package webguard keeps web pages away from HTTP listeners that are meant for
// programs: a page of another origin shows in Origin, and a name that was
// rebound to the listener's address shows in Host.
package webguard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Hosts are the hosts of a listener. The zero Hosts are its addresses and
// localhost.
type Hosts struct{ hosts, names map[string]struct{} }

// NewHosts makes the hosts of a listener: hosts are compared with their ports,
// names without. Letter case plays no part.
func NewHosts(hosts, names []string) Hosts {
	return Hosts{hosts: LowerSet(hosts, ""), names: LowerSet(names, ".")}
}

// Allow reports whether the Host of a request is one of the listener's. An
// address is, as no name can be rebound to it; at a loopback address only
// loopback ones are.
func (h Hosts) Allow(r *http.Request) bool {
	name := strings.ToLower(HostOnly(r.Host))
	if _, known := h.names[name]; known || IsLoopback(name) {
		return true
	}
	if _, known := h.hosts[strings.ToLower(r.Host)]; known {
		return true
	}
	_, err := netip.ParseAddr(name)
	return !OnLoopback(r) && err == nil
}

// LowerSet is a set of texts in lower case, without what they may end with.
func LowerSet(texts []string, end string) map[string]struct{} {
	set := make(map[string]struct{}, len(texts))
	for _, text := range texts {
		set[strings.ToLower(strings.TrimRight(text, end))] = struct{}{}
	}
	return set
}

// Origin reads an Origin. ok is false for whatever a url may have and an Origin
// has not.
func Origin(origin string) (u *url.URL, ok bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !strings.EqualFold(origin, u.Scheme+"://"+u.Host) {
		return nil, false
	}
	return u, true
}

// OnLoopback reports whether a request came in at a loopback address.
func OnLoopback(r *http.Request) bool {
	switch addr := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	case net.Addr:
		return IsLoopback(HostOnly(addr.String()))
	default:
		return false
	}
}

// HostOnly is a host without its port, and without the brackets of IPv6.
func HostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// IsLoopback reports whether a host is localhost or a loopback address.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
