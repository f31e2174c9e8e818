package main

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"gatehouse/actors/server"
	"gatehouse/internal/childproc"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
)

const parentVariable = server.ParentVariable

const isGatewayItself = "this is the gateway itself"

// selfCheck gives the function that finds entries which would start or reach
// this very gateway: .mcp.json is also the file in which clients name it. The
// listener is nil where there is none.
func selfCheck(listener net.Listener) func(resolve.Spec) string {
	self, _ := os.Executable() // Without it only addresses are compared.
	info, err := os.Stat(self)
	launcher := server.NewLauncher("", "")
	return func(spec resolve.Spec) string {
		if spec.Transport != serversfile.Stdio {
			if listener != nil && reaches(spec.URL, listener.Addr()) {
				return isGatewayItself
			}
			return ""
		}
		if slices.Contains(spec.Args, "demo-server") || err != nil {
			return ""
		}
		path, lookErr := childproc.LookPath(spec.Command, launcher.Environment(spec), spec.Cwd)
		if lookErr != nil {
			return ""
		}
		if other, statErr := os.Stat(path); statErr == nil && os.SameFile(info, other) {
			return isGatewayItself
		}
		return ""
	}
}

// reaches tells whether a url leads to the address that we listen on.
func reaches(rawURL string, addr net.Addr) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	own, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if port != strconv.Itoa(int(own.Port())) {
		return false
	}
	host := strings.ToLower(u.Hostname())
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "localhost":
		return own.Addr().IsLoopback() || own.Addr().IsUnspecified()
	case err != nil:
		return false
	case own.Addr().IsUnspecified():
		return ip.IsLoopback() || ip.IsUnspecified()
	default:
		return ip == own.Addr() || ip.IsUnspecified() && own.Addr().IsLoopback()
	}
}
