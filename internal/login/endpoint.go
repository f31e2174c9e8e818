package login

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// maxURL is how many bytes an address may have that a server names.
const maxURL = 4096

// checkEndpoint parses an address that a server names. home is where the resource
// is: one on this machine may have its authorization server there too, without TLS.
func checkEndpoint(text string, home Network) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("it names none")
	case len(text) > maxURL:
		return nil, errors.New("its address is too long")
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("its address is not a url")
	case u.User != nil:
		return nil, errors.New("its address has a user name in it")
	case strings.Contains(text, "#"):
		return nil, errors.New("its address has a fragment")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, errors.New("its address has characters that no url may have")
	case u.Scheme == "http" && home == Loopback && isLoopback(u.Hostname()):
	case u.Scheme != "https":
		return nil, errors.New("its address does not begin with https:// (http is for servers on this machine only)")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !home.allows(a) {
		return nil, &forbidden{addr: a}
	}
	return u, nil
}

// isLoopback reports whether a host is this machine, by its spelling.
func isLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sameOrigin reports whether two addresses have the same scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(hostPort(a), hostPort(b))
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	port := "443"
	if strings.EqualFold(u.Scheme, "http") {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
