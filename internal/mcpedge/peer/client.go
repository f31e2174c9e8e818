package peer

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/rawjson"
)

// ClientConfig is what a gateway asks others with.
type ClientConfig struct {
	// TLS is how it shows who it is and knows the others; nil asks without
	// encryption, which is for tests and one machine.
	TLS *tls.Config
	// Generation is that by which this gateway decides.
	Generation func() uint64
	// Dial makes connections. Default: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// AskedFor is after how long a call that has not been sent looks whether the owner is
	// there at all. Default: 3 s.
	AskedFor time.Duration
	// PlaceLook is how often a request that is passed on looks whether the gateway that
	// has its session is there. Default: 2 s.
	PlaceLook time.Duration
}

const (
	// dialTimeout bounds the making of a connection, its handshake apart.
	dialTimeout = 2 * time.Second
	// askTimeout bounds questions that are not calls.
	askTimeout = 5 * time.Second
	// idleConnection is how long a connection is kept; a Server keeps its longer.
	idleConnection = 60 * time.Second
	// maxConnections is how many idle ones are kept for each gateway.
	maxConnections = 128
	// untilAsked stands in for "for ever": the body goes when the owner asks for it.
	untilAsked = 100 * time.Hour
)

// Client asks other gateways of the fleet. Its methods may be called from any
// goroutine.
type Client struct {
	cfg    ClientConfig
	scheme string
	id     string // tells it from the clients of other processes
	pool   *http.Transport

	unreached unreached
	pulses    pulses
}

// NewClient makes a Client. It connects to nobody yet.
func NewClient(cfg ClientConfig) *Client {
	if cfg.Generation == nil {
		cfg.Generation = func() uint64 { return 0 }
	}
	cfg.AskedFor, cfg.PlaceLook = cmp.Or(cfg.AskedFor, askedFor), cmp.Or(cfg.PlaceLook, placeLook)
	if cfg.Dial == nil {
		d := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
		cfg.Dial = d.DialContext
	}
	c := &Client{cfg: cfg, scheme: "http", id: rand.Text(), pool: &http.Transport{
		DialContext: cfg.Dial, TLSClientConfig: cfg.TLS, TLSHandshakeTimeout: dialTimeout,
		DisableCompression: true, MaxIdleConnsPerHost: maxConnections, IdleConnTimeout: idleConnection,
		ExpectContinueTimeout: untilAsked, MaxResponseHeaderBytes: maxHeadBytes,
		ReadBufferSize: 16 << 10, WriteBufferSize: 16 << 10,
	}}
	if cfg.TLS != nil {
		c.scheme = "https"
	}
	return c
}

// Close ends the connections that nobody uses.
func (c *Client) Close() { c.pool.CloseIdleConnections() }

// Tenure asks a gateway whether it has tenure. It blocks for a few seconds at most.
func (c *Client) Tenure(ctx context.Context, address string) (fleet.TenureAnswer, error) {
	var answer fleet.TenureAnswer
	err := c.ask(ctx, address, tenurePath, nil, &answer)
	return answer, err
}

// Running asks a gateway whether anything of a server still runs there. It blocks for a
// few seconds at most. An error is no answer.
func (c *Client) Running(ctx context.Context, address, key string) (bool, error) {
	var answer running
	err := c.ask(ctx, address, pathOf(runningPath, key), nil, &answer)
	return answer.Running, err
}

// running answers runningPath.
type running struct {
	Running bool `json:"running"`
}

// ask puts a question and decodes the answer into a pointer.
func (c *Client) ask(ctx context.Context, address, path string, h *head, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, address, path, http.NoBody)
	if err != nil {
		return err
	}
	if h != nil {
		h.write(req.Header)
	}
	resp, err := c.pool.RoundTrip(req)
	if err != nil {
		cause := plain(ctx, err)
		if !errors.Is(ctx.Err(), context.Canceled) { // Else it is who asked that gave up.
			c.unreached.note(address, cause)
		}
		return &Unreached{Address: address, Cause: cause}
	}
	c.unreached.note(address, nil)
	defer func() { _ = resp.Body.Close() }() // All that counts has been read.
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxFailureBytes))
	switch {
	case err != nil:
		return &Unreached{Address: address, Cause: plain(ctx, err)}
	case resp.StatusCode != http.StatusOK:
		return readFailure(resp, text).err()
	}
	if err := rawjson.Decode(text, into); err != nil {
		return fmt.Errorf("the answer of the gateway at %s is not one of a gateway: %w", address, err)
	}
	return nil
}

// request makes a request; the error is that of an address that is none.
func (c *Client) request(ctx context.Context, method, address, path string, body io.ReadCloser) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.scheme+"://"+address+path, body) // The address is one that a gateway of the fleet has published.
	if err != nil {
		return nil, &Unreached{Address: address, Cause: errors.New("it is not an address of the form HOST:PORT")}
	}
	return req, nil
}

// readFailure reads what is said of a failure. What says nothing is judged by its
// status.
func readFailure(resp *http.Response, text []byte) *failure {
	f := &failure{}
	if rawjson.Decode(text, f) == nil && f.Kind != "" && f.status() == resp.StatusCode {
		return f
	}
	f = &failure{Kind: kindLost, Reason: "the gateway that runs it answered with HTTP status " + strconv.Itoa(resp.StatusCode)}
	switch resp.StatusCode {
	case http.StatusConflict:
		f.Kind = kindMoved
	case http.StatusTooManyRequests:
		f.Kind = kindFull
	}
	return f
}

// Target is a server at the gateway that owns it.
type Target struct {
	Key     string // see fleet.KeyOf
	Node    string
	Address string
	Epoch   int64
	// Form identifies the entry as it is written: a gateway that has another one
	// refuses the calls.
	Form string
}

// opened is what an owner says of a server to whoever opens a session.
type opened struct {
	Info endpoint.ServerInfo `json:"info"`
	Run  uint64              `json:"run"`
}

// Open opens a session with a server that another gateway owns. It blocks for a few
// seconds at most.
//
// Errors: *Unreached; an *endpoint.NotWritten with *Refused if that gateway does not
// own it under this epoch, has another form of it, or does not run it at the moment.
func (c *Client) Open(ctx context.Context, target Target) (*Session, error) {
	var answer opened
	h := &head{epoch: target.Epoch, form: target.Form, generation: c.cfg.Generation()}
	if err := c.ask(ctx, target.Address, pathOf(serversPath, target.Key), h, &answer); err != nil {
		return nil, err
	}
	return newSession(c, target, answer.Info), nil
}

// Unreached means that a gateway could not be asked.
type Unreached struct {
	Address string
	Cause   error
}

func (e *Unreached) Error() string {
	return fmt.Sprintf("cannot reach the gateway at %s: %s", e.Address, e.Cause)
}

// Unwrap returns the cause.
func (e *Unreached) Unwrap() error { return e.Cause }

// traced returns a context with which a request notes whether there was a connection.
func traced(ctx context.Context, connected *bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { *connected = false },
		GotConn: func(httptrace.GotConnInfo) { *connected = true },
	})
}

// plain words an error of the network without addresses of this machine.
func plain(ctx context.Context, err error) error {
	errno, isErrno := errors.AsType[syscall.Errno](err)
	var timeout net.Error
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return errors.New("it did not answer in time")
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isErrno:
		return errno // Its text is the system's own.
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "server closed"):
		return errors.New("it closed the connection")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("the connection timed out")
	}
	if cert := certificateTrouble(err); cert != nil {
		return cert
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return errors.New("cannot look up the host: " + dns.Err)
	}
	return errors.New("the connection failed")
}
