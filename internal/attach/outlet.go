package attach

import (
	"io"
	"sync"
)

// outlet is what the gateway writes to a conversation. Its lines may come in
// pieces; a control waits for the end of one.
type outlet struct {
	mu      sync.Mutex // held while something is written, however long
	conn    io.Writer
	partway bool // a line has begun
	pausing bool // the control is still to be written
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.conn.Write(p)
	if n > 0 {
		o.partway = p[n-1] != '\n'
	}
	if err != nil {
		return n, err //nolint:wrapcheck // A writer returns the error as it is.
	}
	return n, o.tell()
}

// pause tells the relay that the gateway is about to end. It may block on a client
// that does not read.
func (o *outlet) pause() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pausing = true
	_ = o.tell() // A relay that is gone needs no pause.
}

// done tells the relay that every answer has been written.
func (o *outlet) done() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.partway {
		_, _ = o.conn.Write(controlDone) // A relay that is gone waits for nothing.
	}
}

func (o *outlet) tell() error {
	if !o.pausing || o.partway {
		return nil
	}
	o.pausing = false
	_, err := o.conn.Write(controlPause)
	return err //nolint:wrapcheck // A writer returns the error as it is.
}
