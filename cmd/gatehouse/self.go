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
)

const parentVariable = server.ParentVariable

// reachesSelf makes the function that reports whether a url leads to this very
// gateway: .mcp.json is also the file in which clients name it. The listener is
// nil where there is none.
func reachesSelf(listener net.Listener) func(url string) bool {
	return func(url string) bool { return listener != nil && reaches(url, listener.Addr()) }
}

// runsSelf makes the function that reports whether a command is this very
// program. It looks at files, so it may block.
func runsSelf() func(resolve.Spec) bool {
	self, _ := os.Executable() // Without it there is nothing to compare with.
	info, err := os.Stat(self)
	launcher := server.NewLauncher("", "", nil)
	return func(spec resolve.Spec) bool {
		if slices.Contains(spec.Args, "demo-server") || err != nil {
			return false
		}
		path, err := childproc.LookPath(spec.Command, launcher.Environment(spec), spec.Cwd)
		if err != nil {
			return false
		}
		other, err := os.Stat(path)
		return err == nil && os.SameFile(info, other)
	}
}

// reaches reports whether a url leads to the address that we listen on.
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
