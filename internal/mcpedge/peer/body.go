package peer

import (
	"errors"
	"io"
	"sync/atomic"
)

// The states of a body. It leaves the first for one of the others, once.
const (
	waiting int32 = iota
	sent          // bytes of it may have been sent
	never         // none was, and none will be
)

var errNeverSent = errors.New("the request was given up before it was sent")

// body is the body of a call. It is either sent or never sent.
type body struct {
	data  []byte
	at    int
	state atomic.Int32
}

// Read implements io.Reader. The first one decides that the body is sent.
func (b *body) Read(p []byte) (int, error) {
	if !b.state.CompareAndSwap(waiting, sent) && b.state.Load() == never {
		return 0, errNeverSent
	}
	if b.at == len(b.data) {
		return 0, io.EOF
	}
	n := copy(p, b.data[b.at:])
	b.at += n
	return n, nil
}

// Close implements io.Closer.
func (b *body) Close() error { return nil }

// giveUp makes sure that a body which waits is never sent. It reports whether none of
// it was or will be.
func (b *body) giveUp() bool {
	return b.state.CompareAndSwap(waiting, never) || b.state.Load() == never
}
