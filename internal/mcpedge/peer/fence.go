package peer

import (
	"context"
	"errors"

	"gatehouse/internal/endpoint"
)

// ErrNotOurs is the cause of an *endpoint.NotWritten: the server is not this gateway's
// any more, or it does not know whether it is.
var ErrNotOurs = errors.New("this gateway may not use the server now: it does not own it any more, or cannot tell")

// Fenced returns a session to which a request is passed only while holds returns true:
// it is asked in the last step before the request is handed on. holds must not block.
// Whatever else the session does it does as before.
func Fenced(session endpoint.Session, holds func() bool) endpoint.Session {
	return &fenced{session, holds}
}

type fenced struct {
	endpoint.Session

	holds func() bool
}

// Call implements [endpoint.Session].
func (f *fenced) Call(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	if !f.holds() {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: ErrNotOurs}
	}
	return f.Session.Call(ctx, req)
}
