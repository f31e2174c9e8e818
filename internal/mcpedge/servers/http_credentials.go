package servers

import (
	"context"
	"io"
	"net/http"
)

// Credentials is what a url server is shown where the entry does not say it. Its
// methods may be called from any goroutine.
type Credentials interface {
	// Header returns the Authorization header of the next request, empty for none. It
	// may block until ctx ends. An error means that the server cannot be used for now.
	Header(ctx context.Context) (string, error)
	// Refused hears that a request with that header was refused, with the challenges
	// of the response. It reports whether to send the request once more. It may block
	// until ctx ends.
	Refused(ctx context.Context, header string, status int, challenges []string) (again bool)
}

// NoCredentials means that there is nothing to show a server, for now.
type NoCredentials struct{ Cause error }

func (e *NoCredentials) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *NoCredentials) Unwrap() error { return e.Cause }

// authorized sends a request with the credentials, and once more if the server
// refuses it and there are others.
func (t *tap) authorized(req *http.Request) (*http.Response, error) {
	credentials, x := t.h.opts.Credentials, exchangeOf(req.Context())
	if credentials == nil {
		return t.send(req, "")
	}
	header, err := credentials.Header(req.Context())
	if err != nil {
		err = &NoCredentials{err}
		x.note(func(f *facts) { f.err = err })
		return nil, err
	}
	resp, err := t.send(req, header)
	if err != nil || !isRefusal(resp.StatusCode) {
		return resp, err
	}
	if !credentials.Refused(req.Context(), header, resp.StatusCode, resp.Header.Values("WWW-Authenticate")) {
		return resp, nil
	}
	again := req.Clone(req.Context())
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return resp, nil
		}
		if again.Body, err = req.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // The first answer stands.
		}
	}
	header, err = credentials.Header(req.Context())
	_, _ = io.CopyN(io.Discard, resp.Body, maxOtherBody) // So that the connection can be used again.
	_ = resp.Body.Close()
	x.note(func(f *facts) { f.sent = false }) // It has not run: the server said so.
	if err != nil {
		err = &NoCredentials{err}
		x.note(func(f *facts) { f.err = err })
		return nil, err
	}
	if resp, err = t.send(again, header); err == nil && isRefusal(resp.StatusCode) {
		_ = credentials.Refused(req.Context(), header, resp.StatusCode, resp.Header.Values("WWW-Authenticate")) // For what it asks for; this answer stands.
	}
	return resp, err
}

func isRefusal(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
