//go:build unix

package servers

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// tryWriter returns a function that writes to w as much as it takes at once, and
// never blocks. It is nil where there is no such thing: w must be a file that
// the runtime polls, such as the end of a pipe. One goroutine may use it at a
// time.
func tryWriter(w io.Writer) func(p []byte) (int, error) {
	file, ok := w.(interface {
		syscall.Conn
		SetWriteDeadline(t time.Time) error
	})
	if !ok || file.SetWriteDeadline(time.Time{}) != nil {
		return nil
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil
	}
	t := &attempt{}
	run := t.run // Once, as it is an allocation.
	return func(p []byte) (int, error) {
		t.p, t.n, t.err = p, 0, nil
		err := raw.Write(run)
		t.p = nil
		return t.n, errors.Join(err, t.err)
	}
}

// attempt is one write that does not wait.
type attempt struct {
	p   []byte
	n   int
	err error
}

// run is called with the descriptor. It always says that it is done.
func (t *attempt) run(fd uintptr) bool {
	n, err := syscall.Write(int(fd), t.p)
	if n > 0 {
		t.n = n
	}
	if err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
		t.err = err
	}
	return true
}
