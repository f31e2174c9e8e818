package attach

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

var errGivenUp = errors.New("its client has cancelled it")

// untilGivenUp makes a request fail, unsent, if its client cancels it before its body
// is read: until then it waits for a token or a connection.
func (r *urlRelay) untilGivenUp(req *http.Request, id, line []byte) {
	req.GetBody = func() (io.ReadCloser, error) {
		return &unsent{line: bytes.NewReader(line), givenUp: func() bool { return r.givenUp(id) }}, nil
	}
	req.Body, _ = req.GetBody()
}

// unsent is the body of a request, which ends with an error if the request is given up
// before the first byte is read. It hides the reader's WriteTo, which would not ask.
type unsent struct {
	line    *bytes.Reader
	givenUp func() bool
	begun   bool
}

func (u *unsent) Read(p []byte) (int, error) {
	if !u.begun && u.givenUp() {
		return 0, errGivenUp
	}
	u.begun = true
	return u.line.Read(p) //nolint:wrapcheck // It is io.EOF.
}

func (u *unsent) Close() error { return nil }
