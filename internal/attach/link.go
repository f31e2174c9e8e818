package attach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"gatehouse/internal/ownsocket"
)

// ErrNobody means that no gateway is there: nobody listens, or whoever did was
// about to end.
var ErrNobody = errors.New("no gateway for attach is running")

// Refused is why a gateway does not serve this client.
type Refused struct{ Reason string }

func (e *Refused) Error() string { return "the gateway refuses this client: " + e.Reason }

// Link is a connection to a gateway that has said welcome.
type Link struct {
	Conn    net.Conn
	Welcome Welcome

	rest   []byte // read behind the welcome
	resume []byte // the id by which initialize was repeated; nil if it was not
	paused bool   // it takes no more; guarded by Relay.mu
	done   bool   // it has answered all that it owes; guarded by Relay.mu
	// midline is set while a long line of the client is partly sent, and owes if the
	// gateway is to be told then that nothing follows. Both are guarded by Relay.sending.
	midline, owes bool
}

// Dial connects to the socket of a gateway and does the handshake, within 5 s. The
// error is ErrNobody where it makes sense to start a gateway, *Refused where it
// makes none to try again.
func Dial(ctx context.Context, path string, hello Hello) (*Link, error) {
	ctx, cancel := context.WithTimeout(ctx, helloPatience)
	defer cancel()
	conn, err := ownsocket.Dial(ctx, path)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, fmt.Errorf("cannot reach the gateway at %s: %w", path, err)
	case errors.Is(err, ownsocket.ErrDenied):
		return nil, &Refused{err.Error()}
	default:
		return nil, ErrNobody
	}
	l, err := greet(ctx, conn, hello)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return l, nil
}

func greet(ctx context.Context, conn net.Conn, hello Hello) (*Link, error) {
	if peer := ownsocket.PeerOf(conn); peer.UID >= 0 && peer.UID != os.Getuid() {
		return nil, &Refused{fmt.Sprintf("it is a program of user %d", peer.UID)}
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // A socket has deadlines.
	hello.Protocol = Protocol
	l := &Link{Conn: conn}
	err := writeLine(conn, hello)
	if err == nil {
		l.rest, err = readLine(conn, &l.Welcome)
	}
	switch {
	case errors.Is(err, errHandshake):
		return nil, &Refused{err.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errors.New("the gateway does not answer")
	case err != nil:
		return nil, ErrNobody
	case l.Welcome.Error != "":
		return nil, &Refused{l.Welcome.Error}
	case l.Welcome.Protocol != Protocol:
		return nil, &Refused{fmt.Sprintf("it is of version %s, which speaks otherwise to clients; \"gatehouse restart --gateway\" replaces it", l.Welcome.Version)}
	}
	return l, conn.SetDeadline(time.Time{}) //nolint:wrapcheck // A socket has deadlines.
}

// Present reports whether a gateway listens at a place.
func Present(ctx context.Context, p Place) bool {
	return ownsocket.Listening(ctx, p.Socket()) == ownsocket.Yes
}
