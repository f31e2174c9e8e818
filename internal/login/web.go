package login

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/rawjson"
)

const (
	// maxBody is how many bytes are read of an answer.
	maxBody = 1 << 20
	// patience is how long a request may take, with all its redirects.
	patience = 10 * time.Second
	// maxRedirects is how many are followed where nothing secret is sent.
	maxRedirects = 5
)

// web reaches authorization servers, at addresses that they may have.
type web struct {
	home   Network
	agent  string
	client *http.Client
	pool   *http.Transport

	mu      sync.Mutex
	proxies map[string]bool
}

func newWeb(home Network, agent string) *web {
	w := &web{home: home, agent: agent, proxies: map[string]bool{}}
	w.pool = &http.Transport{
		Proxy: w.proxy, DialContext: w.dial, ForceAttemptHTTP2: true, TLSHandshakeTimeout: patience,
		MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Second,
	}
	w.client = &http.Client{Transport: w, CheckRedirect: w.redirect, Timeout: patience}
	return w
}

// close closes the connections.
func (w *web) close() { w.pool.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper]: it says who asks and what is
// understood, and reads at most maxBody.
func (w *web) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", w.agent)
	req.Header.Set("Accept", "application/json")
	resp, err := w.pool.RoundTrip(req)
	if err != nil {
		return nil, err //nolint:wrapcheck // A transport returns the error as it is.
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxBody}
	return resp, nil
}

// limitedBody is a body that fails where it is too long.
type limitedBody struct {
	io.ReadCloser

	left int
}

var errTooLong = errors.New("its answer is longer than 1 MiB")

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errTooLong
	}
	return n, err //nolint:wrapcheck // A reader returns the error as it is.
}

// proxy is the one of the environment. Its own address is the user's choice.
func (w *web) proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if u != nil {
		w.mu.Lock()
		w.proxies[hostPort(u)] = true
		w.mu.Unlock()
	}
	return u, err //nolint:wrapcheck // It names the variable that is wrong.
}

func (w *web) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	viaProxy := w.proxies[address]
	w.mu.Unlock()
	d := net.Dialer{Timeout: patience}
	if !viaProxy {
		d.Control = w.home.control
	}
	return d.DialContext(ctx, network, address) //nolint:wrapcheck // reach words it.
}

// redirect follows redirects of questions, as far as they lead to addresses that an
// endpoint may have. What carries a secret is never sent elsewhere.
func (w *web) redirect(req *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	if sameOrigin(req.URL, via[0].URL) {
		return nil
	}
	if _, err := checkEndpoint(req.URL.String(), w.home); err != nil {
		return fmt.Errorf("it redirects to %s, where nobody is sent: %w", quoted(req.URL.Host), err)
	}
	return nil
}

// notHere means that there are no metadata at an address, so that the next place is
// tried.
type notHere struct{ why error }

func (e *notHere) Error() string { return e.why.Error() }

// Unwrap returns the cause.
func (e *notHere) Unwrap() error { return e.why }

// get reads a JSON object from an address.
func (w *web) get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return errors.New("its address is not a url")
	}
	status, data, err := w.do(req)
	switch {
	case err != nil:
		return err
	case status/100 == 4:
		return &notHere{statusError(status)}
	case status/100 != 2:
		return statusError(status)
	case rawjson.First(bytes.TrimSpace(data)) != '{':
		return &notHere{errNoJSON}
	}
	return decode(data, into)
}

// post sends a JSON object, or a form, and returns what came.
func (w *web) post(ctx context.Context, address, media string, body []byte, header http.Header) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, errors.New("its address is not a url")
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", media)
	return w.do(req)
}

func (w *web) do(req *http.Request) (int, []byte, error) {
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, nil, reach(req.Context(), err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, reach(req.Context(), err)
	}
	return resp.StatusCode, data, nil
}

func decode(data []byte, into any) error {
	if err := rawjson.Decode(data, into); err != nil {
		if name, ok := errors.AsType[*rawjson.NameError](err); ok {
			return fmt.Errorf("its JSON is ambiguous: %w", name)
		}
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("its member %s is not what it should be", quoted(wrong.Field))
		}
		return errors.New("it is not valid JSON")
	}
	return nil
}

func statusError(status int) error {
	return errors.New(strings.TrimSpace(fmt.Sprintf("it answered with HTTP status %d %s", status, http.StatusText(status))))
}

// reach words why an address could not be reached, without the address, which may
// have secrets in its query.
func reach(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if wrong, ok := errors.AsType[*forbidden](err); ok {
		return wrong
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("the host %s was not found", quoted(dns.Name))
	}
	timeout, ok := errors.AsType[net.Error](err)
	if ok && timeout.Timeout() {
		return errors.New("it did not answer within 10 s")
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return errors.New(clean(err.Error()))
}

// reachable refuses an address that the person's browser would be sent to if its host
// is at one that it may not have. Nothing is sent there.
func (w *web) reachable(ctx context.Context, address string) error {
	u, err := checkEndpoint(address, w.home)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil // The browser may know it, and will say if not.
	}
	for _, a := range addrs {
		if !w.home.allows(a) {
			return &forbidden{addr: a.Unmap()}
		}
	}
	return nil
}
