package login

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Network is the kind of an address.
type Network string

// The kinds of addresses.
const (
	Public    Network = "public"
	Loopback  Network = "loopback"
	Private   Network = "private"
	LinkLocal Network = "link-local"
	// Never is for addresses that nobody may be sent to: of clouds' metadata
	// services, for example, and those that mean no host.
	Never Network = "reserved"
)

var (
	// metadataServices answer with credentials of the machine.
	metadataServices = addresses("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "100.100.100.200", "168.63.129.16")
	noHosts          = prefixes("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "100::/64", "2001::/32", "2001:db8::/32", "64:ff9b:1::/48")
	privateToo       = prefixes("100.64.0.0/10", "198.18.0.0/15", "fec0::/10")
)

func addresses(list ...string) map[netip.Addr]bool {
	m := map[netip.Addr]bool{}
	for _, text := range list {
		m[netip.MustParseAddr(text)] = true
	}
	return m
}

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range list {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// NetworkOf returns the kind of an address, in whatever way an IPv4 address is
// wrapped in it.
func NetworkOf(a netip.Addr) Network {
	a = inner(a.WithZone(""))
	switch {
	case !a.IsValid(), metadataServices[a], a.IsUnspecified(), a.IsMulticast(), within(a, noHosts):
		return Never
	case a.IsLoopback():
		return Loopback
	case a.IsLinkLocalUnicast():
		return LinkLocal
	case a.IsPrivate(), within(a, privateToo):
		return Private
	}
	return Public
}

// inner returns the IPv4 address that is meant by some addresses of IPv6: mapped,
// compatible, and those of NAT64 and 6to4.
func inner(a netip.Addr) netip.Addr {
	if a = a.Unmap(); !a.Is6() {
		return a
	}
	b := a.As16()
	switch {
	case within(a, prefixes("64:ff9b::/96")), within(a, prefixes("::/96")) && a != netip.IPv6Loopback() && !a.IsUnspecified():
		return netip.AddrFrom4([4]byte(b[12:16]))
	case within(a, prefixes("2002::/16")):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

// allows reports whether who is at home in that kind of network may send us to an
// address: a public one always, any other only of its own kind.
func (home Network) allows(a netip.Addr) bool {
	n := NetworkOf(a)
	return n == Public || n == home && n != Never
}

// forbidden means that a server sends us where it must not.
type forbidden struct {
	addr netip.Addr
}

func (e *forbidden) Error() string {
	return fmt.Sprintf("it is at %s, an address of the kind %q, to which a server elsewhere may not send anybody", e.addr, NetworkOf(e.addr))
}

// control refuses a connection to an address that home does not allow: after the
// resolution of the name, so that no name and no spelling hides an address.
func (home Network) control(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("internal: cannot tell the address: %w", err)
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("internal: cannot tell the address: %w", err)
	}
	if !home.allows(a) {
		return &forbidden{addr: a.WithZone("")}
	}
	return nil
}
