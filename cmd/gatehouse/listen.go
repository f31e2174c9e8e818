package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"gatehouse/internal/admin"
)

// httpFlags are those that mean nothing over stdio, so each asks for HTTP. Those of
// opsFlags mean something to the operators' listener too.
var httpFlags = []string{"http", "allow-origin", "allow-host", "public-url", "tls-cert", "tls-key", "insecure", "fleet"}

var opsFlags = []string{"allow-host", "tls-cert", "tls-key", "insecure"}

// implyHTTP chooses HTTP where a flag of it is given and --transport is not, and
// notes which flags contradict --transport stdio.
func (o *runOptions) implyHTTP(f *pflag.FlagSet) {
	var given []string
	for _, name := range httpFlags {
		if f.Changed(name) && (o.ops.addr == "" || !slices.Contains(opsFlags, name)) {
			given = append(given, "--"+name)
		}
	}
	switch {
	case len(given) == 0:
	case !f.Changed("transport"):
		o.transport = "http"
	case o.transport != "http":
		o.contradicts = strings.Join(given, ", ")
	}
}

// checkTransport finds what is wrong with --transport and what belongs to it.
func (o *runOptions) checkTransport() error {
	switch {
	case !slices.Contains([]string{"stdio", "http", transportAttach}, o.transport):
		return fmt.Errorf("--transport is %q: use stdio, http or attach", o.transport)
	case o.linger < 0:
		return fmt.Errorf("--linger is %s: use 0s or more", o.linger)
	case o.linger > 0 && o.transport != transportAttach:
		return errors.New("--linger needs --transport attach: a gateway with another one ends otherwise")
	}
	return nil
}

// namesAt are the names under which a listener may be reached at any port:
// those of --allow-host, the one of its address, and this machine's.
func (o *runOptions) namesAt(addr string) []string {
	names := slices.Clone(o.allowHosts)
	if host, _, err := net.SplitHostPort(addr); err == nil {
		names = append(names, host)
	}
	if host, err := os.Hostname(); err == nil { // Without one, it has no name.
		names = append(names, host)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// listenAddress reads the value of a flag: HOST:PORT, or a port alone, which is
// loopback.
func listenAddress(flag, text string) (string, error) {
	const use = "use HOST:PORT, such as 127.0.0.1:8000, or a port alone for this machine only"
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return "127.0.0.1:" + text, nil
	}
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return "", fmt.Errorf("%s is %q: a port is a number from 0 to 65535; %s", flag, text, use)
	}
	if strings.Contains(text, "/") {
		return "", fmt.Errorf("%s is %q: it is an address to listen on, not a url; %s", flag, text, use)
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", fmt.Errorf("%s is %q, which has no port; %s", flag, text, use)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%s is %q, whose port is not a number from 0 to 65535; %s", flag, text, use)
	}
	return text, nil
}

// listenFailed says why an address cannot be listened on, and what to do.
func listenFailed(flag, addr string, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with %s", addr, err, flag)
	}
	if has, ok := whoListens(addr); ok {
		return fmt.Errorf("cannot listen on %s: the gatehouse with process id %d has it (%s); stop that one, or choose another address with %s",
			addr, has.PID, cmp.Or(has.Address, has.Ops), flag)
	}
	return fmt.Errorf("cannot listen on %s: another program uses this port (address in use); choose another address with %s", addr, flag)
}

// whoListens finds the running gateway that has the port of an address.
func whoListens(addr string) (admin.Status, bool) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return admin.Status{}, false
	}
	found, _ := admin.Find(context.Background(), adminDirs())
	for _, gw := range found {
		if strings.HasSuffix(gw.Status.Address, ":"+port+"/mcp") || strings.HasSuffix(gw.Status.Ops, ":"+port) {
			return gw.Status, true
		}
	}
	return admin.Status{}, false
}
