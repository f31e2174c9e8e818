package attach

import (
	"bytes"
	"errors"
	"io"
)

// inlet is what the gateway reads of a conversation: the client's bytes, without
// the controls. Read is for one goroutine; after it has returned an end, watch is.
type inlet struct {
	conn    io.Reader
	hurry   func() // called by the control of that name
	late    chan []byte
	held    []byte // read and not given out
	partway bool   // what is given out so far ends within a line
}

// errRelayGone means that the relay died: nobody has said that the input ended.
var errRelayGone = errors.New("the client's process has gone")

// Read implements io.Reader. The client's end of input and a pause are io.EOF.
func (in *inlet) Read(p []byte) (int, error) {
	for {
		if len(in.held) == 0 {
			n, err := in.conn.Read(p)
			if n == 0 && err != nil {
				return 0, errRelayGone
			}
			if findMark(p[:n], !in.partway) < 0 {
				return in.give(p[:n]), nil
			}
			in.held = bytes.Clone(p[:n])
		}
		switch i := findMark(in.held, !in.partway); i {
		case 0:
			ended, err := in.control()
			if err != nil || ended {
				return 0, err
			}
		default:
			if i < 0 {
				i = len(in.held)
			}
			n := copy(p, in.held[:i])
			in.held = in.held[n:]
			return in.give(p[:n]), nil
		}
	}
}

func (in *inlet) give(p []byte) int {
	if len(p) > 0 {
		in.partway = p[len(p)-1] != '\n'
	}
	return len(p)
}

// control takes the control that held begins with. ended is set, and the error
// io.EOF, if it says that nothing follows.
func (in *inlet) control() (ended bool, err error) {
	for bytes.IndexByte(in.held, '\n') < 0 {
		if len(in.held) > maxControl {
			return false, errHandshake
		}
		more := make([]byte, maxControl)
		n, err := in.conn.Read(more)
		if n == 0 && err != nil {
			return false, errRelayGone
		}
		in.held = append(in.held, more[:n]...)
	}
	end := bytes.IndexByte(in.held, '\n') + 1
	line := in.held[:end]
	in.held = in.held[end:]
	switch {
	case bytes.Equal(line, controlEOF), bytes.Equal(line, controlPaused):
		return true, io.EOF
	case bytes.Equal(line, controlHurry):
		in.hurry()
	}
	return false, nil // One that a later version knows is passed over.
}

// The bounds of what comes after the end.
const (
	maxLate     = 256      // cancellations that nobody has taken yet
	maxLateLine = 64 << 10 // bytes of one
)

// watch reads on once the input has ended, for what else the relay says. It
// returns when the relay has gone.
func (in *inlet) watch() {
	piece := make([]byte, 4<<10)
	var line []byte
	for {
		n, err := in.Read(piece)
		if err != nil && !errors.Is(err, io.EOF) {
			return
		}
		if line = append(line, piece[:n]...); len(line) > maxLateLine {
			line = nil // None of ours; what is left of it is no cancellation either.
		}
		for {
			one, rest, whole := bytes.Cut(line, []byte("\n"))
			if !whole {
				break
			}
			in.cancelled(one)
			line = rest
		}
	}
}

// cancelled hands a line on if it is a cancellation, and if there is room.
func (in *inlet) cancelled(line []byte) {
	if read(line).cancels == nil {
		return
	}
	select {
	case in.late <- bytes.Clone(line):
	default:
	}
}
