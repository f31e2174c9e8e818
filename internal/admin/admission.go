package admin

import (
	"context"
	"net"
	"net/http"

	"gatehouse/internal/ownsocket"
)

// refusalKey is where a connection's context has the error of admit, if any.
type refusalKey struct{}

// admission asks once for each connection whether its process may ask anything.
func admission(admit func(pid int) error) func(context.Context, net.Conn) context.Context {
	if admit == nil {
		return nil
	}
	return func(ctx context.Context, c net.Conn) context.Context {
		if err := admit(ownsocket.PeerOf(c).PID); err != nil {
			return context.WithValue(ctx, refusalKey{}, err)
		}
		return ctx
	}
}

// admitted answers those who may not ask anything.
func admitted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err, refused := r.Context().Value(refusalKey{}).(error); refused {
			reply(w, nil, &Error{http.StatusForbidden, err.Error()})
			return
		}
		next.ServeHTTP(w, r)
	})
}
