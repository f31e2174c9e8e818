package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// probed is how a server answers somebody who shows nothing.
type probed struct {
	home      Network
	status    int
	challenge Challenge
}

// initialize is a request that every MCP server understands.
const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"gatehouse","version":"login"}}}`

// probe asks a server what it wants. It follows redirects within its origin only, as
// the entry's headers go along.
func probe(ctx context.Context, t Target, agent string) (probed, error) {
	base, err := url.Parse(t.URL)
	if err != nil {
		return probed{}, errors.New("its address is not a url")
	}
	pool := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: patience, IdleConnTimeout: time.Second}
	defer pool.CloseIdleConnections()
	client := &http.Client{Transport: pool, Timeout: patience, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if sameOrigin(req.URL, base) && req.Method == via[0].Method && len(via) <= maxRedirects {
			return nil
		}
		return http.ErrUseLastResponse
	}}
	p := probed{home: Public}
	if u, err := http.ProxyFromEnvironment(&http.Request{URL: base}); err == nil && u != nil {
		p.home = spelled(base.Hostname()) // The connection is one to the proxy.
	} else {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { p.home = networkOf(c.Conn) }})
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		if p.status, p.challenge, err = ask(ctx, client, method, t, agent); err != nil {
			return p, fmt.Errorf("cannot reach it: %w", err)
		}
		if p.status == http.StatusUnauthorized || p.status == http.StatusForbidden || p.status/100 != 4 {
			break // Else it may speak the older transport, which begins with a GET.
		}
	}
	return p, nil
}

func ask(ctx context.Context, client *http.Client, method string, t Target, agent string) (int, Challenge, error) {
	body := ""
	if method == http.MethodPost {
		body = initialize
	}
	req, err := http.NewRequestWithContext(ctx, method, t.URL, strings.NewReader(body))
	if err != nil {
		return 0, Challenge{}, errors.New("its address is not a url")
	}
	for name, value := range t.Headers {
		req.Header.Set(name, value)
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", "application/json, text/event-stream")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, Challenge{}, reach(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 { // Else it may be a stream without an end.
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	}
	return resp.StatusCode, ParseChallenge(resp.Header.Values("WWW-Authenticate")), nil
}

// networkOf returns the kind of the address that a connection leads to.
func networkOf(c net.Conn) Network {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return Public
	}
	return NetworkOf(a.Addr())
}

// spelled returns the kind of a host by its spelling alone.
func spelled(host string) Network {
	if isLoopback(host) {
		return Loopback
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return NetworkOf(a)
	}
	return Public
}
