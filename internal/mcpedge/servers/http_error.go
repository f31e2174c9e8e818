package servers

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
)

// Unauthorized means that a url server wants other credentials.
type Unauthorized struct {
	Status int // 401 or 403
}

func (e *Unauthorized) Error() string {
	return "the server answered with HTTP status " + statusText(e.Status)
}

// olderTransport means that a server refused the first request as one does
// that knows only the older transport.
type olderTransport struct {
	status int
	said   json.RawMessage // the JSON-RPC error object, if there was one
}

func (e *olderTransport) Error() string {
	text := "the server answered initialize with HTTP status " + statusText(e.status)
	if e.said != nil {
		text += ": " + rpcErrorText(e.said)
	}
	return text
}

// isOlder tells whether a server that knows only the older transport answers
// with that status.
func isOlder(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusNotFound || status == http.StatusMethodNotAllowed
}

// The reasons for which an HTTP session ends by itself, besides those that
// the network has.
var (
	// ErrSessionLost: the server no longer knows the session.
	ErrSessionLost = errors.New("the server no longer knows the session (HTTP status 404)")
	// ErrStreamEnded: the event stream of an SSE server has ended.
	ErrStreamEnded = errors.New("the server closed its event stream")
	// ErrRedirected: the server points to another host, or changes the
	// method. The headers are for the configured host only.
	ErrRedirected = errors.New("the server redirects to another host or method, which is not followed")
)

// errStream means that the server ended a stream before it had answered.
var errStream = errors.New("the server ended the stream before it had answered")

// transportError says without secrets why a request had no answer. err is
// the transport's own word, of which the text is not used.
func transportError(f facts, err error) error {
	switch {
	case f.unauthorized():
		return &Unauthorized{Status: f.status}
	case f.err != nil:
		return plain(f.err)
	case f.status >= http.StatusMultipleChoices:
		return errors.New("the server answered with HTTP status " + statusText(f.status))
	case f.status != 0 || err != nil:
		return errors.New("the server's HTTP response is not one of an MCP server")
	default:
		return errors.New("internal: no answer and no error")
	}
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return strconv.Itoa(status) + " " + text
	}
	return strconv.Itoa(status)
}

// windowsErrors are the numbers of Windows, where package syscall's constants
// are invented ones.
const (
	errWindowsRefused = syscall.Errno(10061)
	errWindowsReset   = syscall.Errno(10054)
)

// plain turns an error of the network into one that holds no url, header or
// body.
func plain(err error) error {
	errno, _ := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, ErrRedirected), errors.Is(err, errStream), errors.Is(err, errForeignHost):
		return err
	case errno == syscall.ECONNREFUSED, errno == errWindowsRefused:
		return errors.New("connection refused")
	case errno == syscall.ECONNRESET, errno == errWindowsReset, errno == syscall.EPIPE:
		return errors.New("connection reset")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the server closed the connection")
	case isTLS(err):
		return fmt.Errorf("no secure connection: %w", tlsReason(err))
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return errors.New("no such host")
		}
		return errors.New("cannot look up the host")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err) {
		return errors.New("connection timed out")
	}
	if errno != 0 {
		return errno // Its text is the system's own.
	}
	return errors.New("connection failed")
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func isTLS(err error) bool {
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	return record || alert || verify
}

// tlsReason says what is wrong with a secure connection.
func tlsReason(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return errors.New("the certificate is signed by an unknown authority")
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return errors.New("the certificate is for another host")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return errors.New("the certificate has expired or is not yet valid")
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return errors.New(alert.Error())
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("the server does not speak TLS")
	}
	return errors.New("the certificate is not valid")
}
