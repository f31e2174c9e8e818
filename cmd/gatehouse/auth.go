package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/httpauth"
	"gatehouse/internal/identity"
	"gatehouse/internal/locate"
	"gatehouse/internal/policy"
	"gatehouse/internal/safefile"
)

// maxHeaderBytes bounds what a request may send before anybody looks at its
// credential.
const maxHeaderBytes = 64 << 10

// publicAddress is --public-url; the zero value is none.
type publicAddress struct {
	httpauth.Public

	given bool
}

// hosts are the names under which a proxy may reach us.
func (p publicAddress) hosts() []string {
	if !p.given {
		return nil
	}
	return []string{p.Host}
}

// public reads --public-url, which check has found to be good.
func (o *runOptions) public() publicAddress {
	p, err := httpauth.ParsePublic(o.publicURL)
	return publicAddress{Public: p, given: err == nil}
}

// scheme is how agents on the listener's own network reach it.
func (o *runOptions) scheme() string {
	if o.tlsCert != "" {
		return "https"
	}
	return "http"
}

// checkHTTP finds what is wrong with the flags of the HTTP front.
func (o *runOptions) checkHTTP() []error {
	var errs []error
	if o.publicURL != "" {
		if _, err := httpauth.ParsePublic(o.publicURL); err != nil {
			errs = append(errs, fmt.Errorf("--public-url: %w", err))
		}
	}
	for _, host := range o.allowHosts {
		if host == "" || strings.ContainsAny(host, "/*@ ") {
			errs = append(errs, fmt.Errorf("--allow-host is %q: it is a name such as gateway.lan, or gateway.lan:8000", host))
		}
	}
	if (o.tlsCert == "") != (o.tlsKey == "") {
		errs = append(errs, errors.New("--tls-cert and --tls-key go together: give both"))
	}
	if err := o.ops.check(); err != nil {
		errs = append(errs, err)
	}
	if o.contradicts != "" {
		errs = append(errs, fmt.Errorf("--transport %s contradicts %s: leave out --transport, or say --transport http", o.transport, o.contradicts))
	}
	if o.transport == "http" {
		addr, err := listenAddress("--http", o.httpAddr)
		if err != nil {
			errs = append(errs, err)
		}
		o.httpAddr = addr
	}
	return errs
}

// exposed reports whether a listener can be reached from other machines.
func exposed(l net.Listener) bool {
	addr, err := netip.ParseAddrPort(l.Addr().String())
	return err != nil || !addr.Addr().Unmap().IsLoopback()
}

// safeToListen returns an error if anybody on a network could act as an agent,
// or read the tokens on their way.
func safeToListen(opts runOptions, l net.Listener, c identity.Credentials) error {
	if !exposed(l) || opts.insecure {
		return nil
	}
	if c.Empty() && opts.fleet.name == "" { // A fleet has its rules later, and each is looked at then.
		return fmt.Errorf("cannot serve on %s without credentials: other machines reach it, and could be any agent; "+
			`make a token with "gatehouse token new", use a loopback address, or add --insecure`, l.Addr())
	}
	if opts.tlsCert == "" && !opts.public().Secure {
		return fmt.Errorf("cannot serve on %s in clear text: tokens could be read on the way; give --tls-cert and --tls-key, "+
			"or --public-url https://... if a proxy has the certificate, or add --insecure", l.Addr())
	}
	return nil
}

// warnPinned warns of pinned agents that the rules don't know, for they may do
// nothing.
func warnPinned(log *slog.Logger, opts runOptions, p policy.Rules) {
	known := policy.Compile(p)
	for _, id := range opts.agents {
		if !known.HasAgent(id) {
			log.Warn("a pinned agent is not in the rules: it may do nothing until it is", slog.String("agent", id))
		}
	}
}

// warnOpen warns of a front that lets anybody be any agent. l is nil over
// stdio.
func warnOpen(log *slog.Logger, opts runOptions, l net.Listener, c identity.Credentials) {
	if l == nil {
		return
	}
	if c.Empty() && len(opts.agents) == 0 {
		log.Warn("agent_id over HTTP is a label, not an identity: whoever reaches the port may claim to be any agent; pin with --agent or give tokens")
	}
	if opts.insecure && exposed(l) {
		log.Warn("insecure: other machines reach the port without a credential, or send it in clear text", slog.String("address", l.Addr().String()))
	}
}

// credentials are those in force.
func (a *app) credentials() *identity.Set {
	snap := a.store.Load()
	if snap == nil {
		return nil
	}
	return snap.Credentials
}

// accepted reports whether a caller would be let in by the credentials in force.
func (a *app) accepted(c *identity.Caller) bool {
	_, ok := a.credentials().Recheck(c, time.Now())
	return ok
}

// newGate makes the gate that checks the credentials of HTTP requests.
func newGate(opts runOptions, rulesFile string, credentials func() *identity.Set, refused func(address, reason string), log *slog.Logger) *httpauth.Gate {
	home := homeDir() // Without one, ~ is an error where it is used.
	readKeys := func(path string) ([]byte, error) {
		path, err := locate.ResolvePath(path, filepath.Dir(rulesFile), home)
		if err != nil {
			return nil, err
		}
		return safefile.Read(path, identity.MaxKeysBytes)
	}
	return httpauth.NewGate(httpauth.Options{
		Credentials: credentials, Keys: httpauth.NewKeyStore(readKeys, nil, log), Pinned: slices.Clone(opts.agents),
		MetadataURL: opts.public().MetadataURL, Log: log, Refused: refused,
	})
}

// metadataRoutes serves what clients need to find the issuer.
func (a *app) metadataRoutes(mux *http.ServeMux) {
	if p := a.opts.public(); p.given {
		for _, path := range p.MetadataPaths() {
			mux.Handle("GET "+path, httpauth.Metadata(p.Public, a.credentials))
		}
	}
}
