package ownsocket

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// pipeBuffer is how many bytes each way a pipe takes before its reader does.
const pipeBuffer = 64 << 10

// pipe listens on a named pipe. Accept may be called from one goroutine at a time.
type pipe struct {
	name   string
	access *windows.SecurityAttributes
	stop   windows.Handle // an event: Close has been called
	closed func()

	accepting sync.Mutex // held by Accept, and guards what follows
	next      windows.Handle
	ended     bool
	call      windows.Overlapped // the system writes to it while Accept waits
}

// listenPipe makes a pipe, of which nobody else can be a part.
func listenPipe(name string) (*pipe, error) {
	access, err := onlyUs()
	if err != nil {
		return nil, err
	}
	p := &pipe{name: name, access: access}
	if p.stop, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return nil, fmt.Errorf("cannot make an event: %w", err)
	}
	if p.next, err = p.instance(windows.FILE_FLAG_FIRST_PIPE_INSTANCE); err != nil {
		_ = windows.CloseHandle(p.stop)
		return nil, err
	}
	p.closed = sync.OnceFunc(p.close)
	return p, nil
}

// instance makes the end of one more connection. Only its user can, see onlyUs.
func (p *pipe) instance(flags uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(p.name)
	if err != nil {
		return 0, fmt.Errorf("internal: cannot name a pipe: %w", err)
	}
	h, err := windows.CreateNamedPipe(name, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED|flags,
		windows.PIPE_TYPE_BYTE|windows.PIPE_REJECT_REMOTE_CLIENTS, windows.PIPE_UNLIMITED_INSTANCES, pipeBuffer, pipeBuffer, 0, p.access)
	if err != nil {
		return 0, fmt.Errorf("cannot make the pipe %s: %w", p.name, err)
	}
	return h, nil
}

// retryPause is how long Accept waits after what failed, in milliseconds.
const retryPause = 50

// Accept implements net.Listener. What fails is tried again until Close is called: most
// of it passes, and callers would take an error for the end of the listener.
func (p *pipe) Accept() (net.Conn, error) {
	p.accepting.Lock()
	defer p.accepting.Unlock()
	for !p.ended {
		c, err := p.accept()
		if err == nil {
			return c, nil
		}
		if errors.Is(err, net.ErrClosed) {
			break
		}
		which, failed := windows.WaitForSingleObject(p.stop, retryPause)
		if failed != nil {
			return nil, errors.Join(err, failed)
		}
		if which == windows.WAIT_OBJECT_0 {
			break
		}
	}
	return nil, net.ErrClosed
}

// accept waits for a client. The next instance is there before the one that has a
// client is handed out, so the name stays taken.
func (p *pipe) accept() (net.Conn, error) {
	if p.next == 0 {
		h, err := p.instance(0)
		if err != nil {
			return nil, err
		}
		p.next = h
	}
	if err := p.await(); err != nil {
		return nil, err
	}
	h := p.next
	p.next, _ = p.instance(0) // Without one, the next Accept tries again.
	return newConn(h, p.name), nil
}

// await waits for a client of the next instance, or for Close.
func (p *pipe) await() error {
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return fmt.Errorf("cannot make an event: %w", err)
	}
	defer func() { _ = windows.CloseHandle(event) }()
	for {
		p.call = windows.Overlapped{HEvent: event}
		err := windows.ConnectNamedPipe(p.next, &p.call)
		if errors.Is(err, windows.ERROR_IO_PENDING) {
			err = p.outcome(event)
		}
		switch {
		case err == nil, errors.Is(err, windows.ERROR_PIPE_CONNECTED):
			return nil
		case errors.Is(err, windows.ERROR_NO_DATA), errors.Is(err, windows.ERROR_BROKEN_PIPE):
			_ = windows.DisconnectNamedPipe(p.next) // Its client has come and gone.
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			_ = windows.DisconnectNamedPipe(p.next) // The next try begins anew.
			return err
		}
	}
}

// outcome is that of the call that waits.
func (p *pipe) outcome(event windows.Handle) error {
	which, err := windows.WaitForMultipleObjects([]windows.Handle{event, p.stop}, false, windows.INFINITE)
	stopped := err != nil || which != windows.WAIT_OBJECT_0
	if stopped {
		_ = windows.CancelIoEx(p.next, &p.call) // It may have ended just now.
	}
	var n uint32
	if got := windows.GetOverlappedResult(p.next, &p.call, &n, true); !stopped {
		return got //nolint:wrapcheck // Its caller knows the numbers.
	}
	if err != nil {
		return fmt.Errorf("cannot wait for a client: %w", err)
	}
	return net.ErrClosed
}

// Close implements net.Listener. Connections that were accepted go on.
func (p *pipe) Close() error {
	p.closed()
	return nil
}

func (p *pipe) close() {
	_ = windows.SetEvent(p.stop)
	p.accepting.Lock() // Accept hears of it.
	defer p.accepting.Unlock()
	p.ended = true
	if p.next != 0 {
		_ = windows.CloseHandle(p.next)
	}
	_ = windows.CloseHandle(p.stop)
}

// Addr implements net.Listener.
func (p *pipe) Addr() net.Addr { return pipeAddr(p.name) }

// pipeAddr is the name of a pipe.
type pipeAddr string

// Network implements net.Addr.
func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

// conn is one end of a connection. Package os reads and writes it without a thread
// for each, and knows deadlines.
type conn struct {
	control

	file io.ReadWriter // the same
	addr pipeAddr
}

// control is what a connection does as its file does.
type control interface {
	io.Closer
	syscall.Conn
	SetDeadline(t time.Time) error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

func newConn(h windows.Handle, name string) *conn {
	f := os.NewFile(uintptr(h), name)
	return &conn{f, f, pipeAddr(name)}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.file.Read(b)
	return n, c.failed("read", err)
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.file.Write(b)
	return n, c.failed("write", err)
}

// failed makes a file's error that of a connection: package net/http takes what is no
// net.Error for the end of the client, also where a deadline of its own has passed.
func (c *conn) failed(op string, err error) error {
	of, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err // It is nil or io.EOF.
	}
	if err = of.Err; errors.Is(err, os.ErrClosed) {
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: c.addr.Network(), Addr: c.addr, Err: err}
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.addr }
