package attach

import "io"

// ReadHello reads what a relay says first.
func ReadHello(r io.Reader) (h Hello, rest []byte, err error) {
	rest, err = readLine(r, &h)
	return h, rest, err
}
