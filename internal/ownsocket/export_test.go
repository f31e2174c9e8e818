//go:build windows

package ownsocket

import (
	"net"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// What tests of pipes look into.
const NumberBytes = numberBytes

var (
	ErrNobody  = errNobody
	ErrBusy    = errBusy
	ListenPipe = listenPipe
	Ours       = ours
	PipeName   = pipeName
	User       = user
)

// Pipe is a listener.
type Pipe = pipe

// DropNext takes the instance that waits for a client away, as if there had been none.
func DropNext(p *pipe) {
	_ = windows.CloseHandle(p.next)
	p.next = 0
}

// Next is the instance that waits for a client.
func Next(p *pipe) windows.Handle { return p.next }

// Open opens a pipe as Dial does.
func Open(name string) (windows.Handle, error) {
	return open(name, windows.GENERIC_READ|windows.GENERIC_WRITE)
}

// PipeWith makes a pipe that has another access than ours.
func PipeWith(name string, access *windows.SecurityAttributes) (windows.Handle, error) {
	return (&pipe{name: name, access: access}).instance(windows.FILE_FLAG_FIRST_PIPE_INSTANCE)
}

// ActAs takes the place of the client of a connection, and returns how far that goes.
func ActAs(c net.Conn) (level uint32, err error) {
	raw, err := c.(*conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	impersonate := windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")
	done := make(chan struct{})
	go func() { // Its thread ends with it.
		defer close(done)
		runtime.LockOSThread()
		_ = raw.Control(func(h uintptr) {
			if ok, _, failed := impersonate.Call(h); ok == 0 {
				err = failed
				return
			}
			var token windows.Token
			if err = windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token); err != nil {
				return
			}
			defer func() { _ = token.Close() }()
			var n uint32
			err = windows.GetTokenInformation(token, windows.TokenImpersonationLevel, (*byte)(unsafe.Pointer(&level)), 4, &n)
		})
	}()
	<-done
	return level, err
}
