package servers

import (
	"compress/flate"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/textcut"
)

// Unauthorized means that a url server wants other credentials.
type Unauthorized struct {
	Status int    // 401 or 403
	Scope  string // that its challenge asks for, if it does
	// Login reports whether it asks for a token that a login brings.
	Login bool
	said  error
}

func (e *Unauthorized) Error() string {
	if e.Scope == "" {
		return e.said.Error()
	}
	return e.said.Error() + ", asking for the scope " + strconv.Quote(e.Scope)
}

// Paused means that a url server has too much to do, and has said for how long it
// should be left alone.
type Paused struct {
	For  time.Duration
	said error
}

func (e *Paused) Error() string { return e.said.Error() }

// olderTransport means that a server refused the first request as one does
// that knows only the older transport.
type olderTransport struct{ said error }

func (e *olderTransport) Error() string { return e.said.Error() }

// isOlder reports whether a server that knows only the older transport answers
// with that status.
func isOlder(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusNotFound || status == http.StatusMethodNotAllowed
}

var (
	// ErrStreamEnded means that the event stream of an SSE server has ended.
	ErrStreamEnded = errors.New("the server closed its event stream")
	// ErrRedirected means that the server points to another host, or changes
	// the method. The headers are for the configured host only.
	ErrRedirected = errors.New("which is not followed")
)

// errStream means that the server ended a stream before it had answered.
var errStream = errors.New("the server ended the stream before it had answered")

// maxWords is how many characters of a server's words are shown.
const maxWords = 200

// reason says what a server answered that is not an answer: status, content
// type, where it points to and what it says, without secrets.
func (h *HTTP) reason(f facts) error {
	text := "the server answered with HTTP status " + statusText(f.status)
	words := ""
	switch {
	case f.answered && f.response.Error != nil:
		words = h.opts.Redact(endpoint.ErrorText(f.response.Error))
	case f.answered:
	case f.head.media != "":
		text += " (" + oneLine(f.head.media, 100) + ")"
		words = h.opts.Redact(visible(f.text, f.head.media))
	default:
		words = h.opts.Redact(visible(f.text, ""))
	}
	if f.status/100 == 2 && !f.answered {
		text += ", which is not the answer of an MCP server"
	}
	if words = shorten(words); words != "" {
		text += ": " + words
	}
	if f.head.redirect != "" {
		target := shorten(h.opts.Redact(f.head.redirect))
		return fmt.Errorf("the server answered with HTTP status %s and redirects to %s, %w", statusText(f.status), target, ErrRedirected)
	}
	return errors.New(text)
}

// visible is what a person would see of a body.
func visible(body, media string) string {
	if media != "text/html" {
		return body
	}
	var text strings.Builder
	for rest := body; rest != ""; {
		before, tag, found := strings.Cut(rest, "<")
		text.WriteString(before)
		if !found {
			break
		}
		text.WriteByte(' ')
		_, rest, _ = strings.Cut(pastHidden(tag), ">")
	}
	return html.UnescapeString(text.String())
}

// pastHidden cuts off what a person would not see of a tag and what follows it.
func pastHidden(tag string) string {
	for _, hidden := range []string{"script", "style", "svg"} {
		if lowerASCII(tag[:min(len(tag), len(hidden))]) != hidden {
			continue
		}
		if end := strings.Index(lowerASCII(tag), "</"+hidden); end >= 0 {
			return tag[end:]
		}
		return "" // It goes on to the end of the page.
	}
	return tag
}

// shorten puts a text on one line, with single spaces, and cuts it to maxWords
// characters.
func shorten(text string) string {
	return textcut.Characters(strings.Join(strings.Fields(oneLine(text, len(text))), " "), maxWords)
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
	case errors.Is(err, errStream), errors.Is(err, ErrStreamEnded), errors.Is(err, errForeignHost):
		return err
	case isNoCredentials(err):
		return err
	case errno == syscall.ECONNREFUSED, errno == errWindowsRefused:
		return errors.New("connection refused")
	case errno == syscall.ECONNRESET, errno == errWindowsReset, errno == syscall.EPIPE:
		return errors.New("connection reset")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the server closed the connection")
	case isTLS(err):
		return fmt.Errorf("no secure connection: %w", tlsReason(err))
	case isPacked(err):
		return errors.New("the server's answer is not packed as it says (gzip)")
	}
	if words := notHTTP(err); words != "" {
		return errors.New(words)
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

func isPacked(err error) bool {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return corrupt || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)
}

// notHTTP says what was wrong with an answer that is not HTTP, "" if that is not
// what failed. Most errors of net/http have no exported types.
func notHTTP(err error) string {
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return "the server broke off in the headers of its answer, or they are not HTTP"
	}
	words := err.Error()
	switch {
	case !strings.Contains(words, "malformed HTTP "):
		return ""
	case strings.Contains(words, `"\x15\x03`): // An alert of TLS.
		return "the server does not speak HTTP without TLS: the url should begin with https"
	default:
		return "the server does not speak HTTP"
	}
}

func isNoCredentials(err error) bool {
	_, ok := errors.AsType[*NoCredentials](err)
	return ok
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func isTLS(err error) bool {
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	return record || verify || handshakeWords(err) != ""
}

// handshakeWords returns what package tls says of a handshake that failed, "" if it
// is not what failed. Its errors have no exported types.
func handshakeWords(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if words := inner.Error(); strings.HasPrefix(words, "tls: ") {
			return shorten(words)
		}
	}
	return ""
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
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("the server does not speak TLS")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New("the certificate is not valid")
	}
	if from, ok := errors.AsType[*net.OpError](err); ok && from.Op == "remote error" {
		return errors.New("the server refused it: " + handshakeWords(err))
	}
	return errors.New(handshakeWords(err))
}
