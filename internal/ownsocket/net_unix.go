//go:build unix

package ownsocket

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// listen makes a socket, whose file it leaves to the caller.
func listen(ctx context.Context, path string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, err //nolint:wrapcheck // The caller says on what.
}

// Dial connects to the socket at path. It blocks until ctx ends at most.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", path) //nolint:wrapcheck // The error names the socket.
}

// refused reports whether an error of Dial means that nobody listens.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func rename(from, to string) error { return os.Rename(from, to) }
