package ownsocket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// The file of a socket has the number of its pipe, as text.
const numberBytes = 16

// pipeName is the name of the pipe with a number. Names are one space for all users;
// the SID is for people who look at the list.
func pipeName(number string) (string, error) {
	us, err := user()
	if err != nil {
		return "", err
	}
	return `\\.\pipe\gatehouse-` + us.String() + "-" + number, nil
}

// listen makes a pipe with a new name, and the file that says which.
func listen(_ context.Context, path string) (net.Listener, error) {
	random := make([]byte, numberBytes)
	_, _ = rand.Read(random) // It never fails.
	number := hex.EncodeToString(random)
	name, err := pipeName(number)
	if err != nil {
		return nil, err
	}
	p, err := listenPipe(name)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, []byte(number), 0o600); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// find returns the name of the pipe of a socket. Whatever else the file may say, it
// leads to no other machine.
func find(path string) (string, error) {
	text, err := readFile(path)
	if err != nil {
		return "", err
	}
	if b, err := hex.DecodeString(text); err != nil || len(b) != numberBytes {
		return "", fmt.Errorf("%s does not say which pipe it is", path)
	}
	return pipeName(text)
}

// readFile reads the file of a socket, which may be removed or replaced meanwhile:
// package os would not share it for that.
func readFile(path string) (string, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(h), path)
	defer func() { _ = f.Close() }() // It was only read.
	text := make([]byte, 2*numberBytes+1)
	n, err := f.Read(text)
	return string(text[:n]), err
}

// errNobody means that no process of this user has the pipe.
var errNobody = errors.New("nobody listens")

// refused reports whether an error of Dial means that nobody listens.
func refused(err error) bool { return errors.Is(err, errNobody) }

// errBusy means that a pipe exists, and nobody takes its clients.
var errBusy = errors.New("all ends of the pipe are taken")

// busyPause is how often a pipe is tried that has no free end: the next one is made
// as soon as the last is taken. After patience it is not believed to come.
const busyPause = 5 * time.Millisecond

// Dial connects to the socket at path. It blocks for a second, or until ctx ends. A
// pipe of another user's is none: its name can be that of one whose process was killed.
// The error is ErrDenied for one of this user's that this process may not write to.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	name, err := find(path)
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		h, err := open(name, windows.GENERIC_READ|windows.GENERIC_WRITE)
		switch {
		case err == nil:
			return ours(h, name)
		case errors.Is(err, windows.ERROR_ACCESS_DENIED):
			return nil, denied(name)
		case errors.Is(err, windows.ERROR_FILE_NOT_FOUND):
			return nil, errNobody
		case !errors.Is(err, windows.ERROR_PIPE_BUSY):
			return nil, fmt.Errorf("cannot open the pipe %s: %w", name, err)
		case time.Since(began) > patience:
			return nil, errBusy
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// open opens a pipe. Whoever has it may learn who we are, and not act as us.
func open(name string, access uint32) (windows.Handle, error) {
	wide, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, fmt.Errorf("internal: cannot name a pipe: %w", err)
	}
	return windows.CreateFile(wide, access, 0, nil, windows.OPEN_EXISTING, //nolint:wrapcheck // The caller says what it could not open.
		windows.FILE_FLAG_OVERLAPPED|windows.SECURITY_SQOS_PRESENT|windows.SECURITY_IDENTIFICATION, 0)
}

// ours makes a connection of a pipe that was opened, before a byte is written to it.
func ours(h windows.Handle, name string) (net.Conn, error) {
	mine, err := isOurs(h)
	if err == nil && !mine {
		err = errNobody
	}
	if err != nil {
		_ = windows.CloseHandle(h)
		return nil, err
	}
	return newConn(h, name), nil
}

// denied says why a pipe may not be written to. This user's own could still be read.
func denied(name string) error {
	h, err := open(name, windows.GENERIC_READ)
	if err != nil {
		return errNobody
	}
	defer func() { _ = windows.CloseHandle(h) }()
	if mine, err := isOurs(h); err != nil || !mine {
		return errNobody
	}
	return ErrDenied
}

// patience is how long a pipe may have no free end, and a file may be in use by somebody
// who looks at it: a virus scanner, or another gatehouse.
const patience = time.Second

// rename waits for those who read the file in whose place it puts another.
func rename(from, to string) error {
	for began := time.Now(); ; time.Sleep(busyPause) {
		err := os.Rename(from, to)
		busy := errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION)
		if !busy || time.Since(began) > patience {
			return err
		}
	}
}
