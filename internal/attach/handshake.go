package attach

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"gatehouse/internal/rawjson"
)

// Protocol is the version of what travels. A relay and a gateway with different
// ones do not work together.
const Protocol = 1

// maxHandshake is how long a line of the handshake may be, in bytes.
const maxHandshake = 64 << 10

// Hello is what a relay says first.
type Hello struct {
	Protocol int    `json:"gatehouse_attach"`
	Version  string `json:"version"` // of the relay's program
	Files    Files  `json:"files"`
	// Agents are those that the client may be, the first by default; none means
	// that it is not pinned.
	Agents []string `json:"agents,omitempty"`
	// Surface names what the client is shown.
	Surface string `json:"surface"`
	// DrainMS is how long calls may go on after the end of the client's input.
	DrainMS int64 `json:"drain_ms"`
	// Flags are those that the relay would start a gateway with.
	Flags map[string]string `json:"flags,omitempty"`
}

// Files are those of a gateway, as absolute paths.
type Files struct {
	Servers string   `json:"servers"`
	Rules   string   `json:"rules"`
	Env     []string `json:"env,omitempty"`
}

// Welcome is what a gateway answers.
type Welcome struct {
	Protocol int    `json:"gatehouse_attach"`
	Version  string `json:"version"` // of the gateway's program
	PID      int    `json:"pid"`
	// Service is set if the gateway was not started by a relay: whoever started it
	// may start it again.
	Service bool `json:"service,omitempty"`
	// Shown is a hash of what the client is shown. Where it differs from that of
	// the gateway before, lists have changed.
	Shown string `json:"shown"`
	// Notes are for the user, each on a line.
	Notes []string `json:"notes,omitempty"`
	// Error is why the gateway does not serve this client; empty if it does.
	Error string `json:"error,omitempty"`
}

// errHandshake means that the other side speaks something else.
var errHandshake = errors.New("it is not a gateway for attach, or of another version")

// writeLine writes a value as one line.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("internal: cannot write the handshake: %w", err)
	}
	_, err = w.Write(append(line, '\n'))
	return err //nolint:wrapcheck // The caller says to whom.
}

// readLine reads the line of the handshake into v, and returns what was read
// behind it.
func readLine(r io.Reader, v any) (rest []byte, err error) {
	buf := make([]byte, 0, 4<<10)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		seen := len(buf)
		buf = buf[:seen+n]
		if i := bytes.IndexByte(buf[seen:], '\n'); i >= 0 {
			line, rest := buf[:seen+i], buf[seen+i+1:]
			if rawjson.Decode(line, v) != nil {
				return nil, errHandshake
			}
			return rest, nil
		}
		switch {
		case err != nil:
			return nil, err //nolint:wrapcheck // The caller says of whom.
		case len(buf) >= maxHandshake:
			return nil, errHandshake
		case len(buf) == cap(buf):
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
	}
}
