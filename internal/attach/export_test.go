package attach

import (
	"bytes"
	"io"
	"net"
)

// ReadHello reads what a relay says first.
func ReadHello(r io.Reader) (h Hello, rest []byte, err error) {
	rest, err = readLine(r, &h)
	return h, rest, err
}

// Rest reads what a gateway says behind its welcome.
func Rest(l *Link) io.Reader { return io.MultiReader(bytes.NewReader(l.rest), l.Conn) }

// SendPiece sends a piece of a long line, the first or a later one, to a gateway that has
// asked for a pause, and reports whether it was sent.
func SendPiece(to net.Conn, first bool) bool {
	link := &Link{Conn: to, paused: true, midline: !first}
	return (&Relay{link: link}).sendPiece(link, []byte("piece"))
}
