package childproc

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// output is the read end of the child's stdout. It notes when its reader has
// come to the end, so that Done can wait for that.
type output struct {
	f     *os.File
	ended chan struct{} // the reader saw the end, or closed it
	once  sync.Once
	cut   atomic.Bool
}

func newOutput(f *os.File) *output {
	return &output{f: f, ended: make(chan struct{})}
}

// Read reads from the pipe.
func (o *output) Read(b []byte) (int, error) {
	n, err := o.f.Read(b)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	o.end()
	if o.cut.Load() && errors.Is(err, os.ErrClosed) {
		err = io.EOF // as at the end of a pipe whose writers are gone
	}
	return n, err
}

// SetReadDeadline has Read end with os.ErrDeadlineExceeded at a time, where the
// system can do that for pipes; the zero time is never.
func (o *output) SetReadDeadline(at time.Time) error {
	return o.f.SetReadDeadline(at)
}

func (o *output) Close() error {
	o.end()
	return o.f.Close()
}

func (o *output) end() { o.once.Do(func() { close(o.ended) }) }

// cutOff closes the pipe under a reader, who then reads io.EOF.
func (o *output) cutOff() {
	o.cut.Store(true)
	closeAll(o.f)
}
