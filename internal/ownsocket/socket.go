package ownsocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Socket is a listening socket. Close removes its file.
type Socket struct {
	net.Listener

	path string
	temp string      // a folder to remove with it, if it is empty then
	file os.FileInfo // what is at the path, as long as nobody has replaced it
}

// Path is the socket's file.
func (s *Socket) Path() string { return s.path }

// Close stops listening and removes the file, unless it is another one by now.
func (s *Socket) Close() error {
	err := s.Listener.Close()
	if now, gone := os.Lstat(s.path); gone == nil && (s.file == nil || os.SameFile(s.file, now)) {
		_ = os.Remove(s.path) // A stale one is removed by whoever finds it.
	}
	if s.temp != "" {
		_ = os.Remove(s.temp) // Another gateway may use it.
	}
	return err
}

// Bind listens on NAME.sock in a folder, in the place of a socket of that name if
// there is one: the caller must know that nobody listens on it. The socket is made
// under a name that nobody looks for, private, and only then given its name. draft
// must differ from that of everybody who binds in the folder at this time.
func Bind(ctx context.Context, dir, name, draft string) (*Socket, error) {
	path := filepath.Join(dir, name+".sock")
	bound := filepath.Join(dir, "."+draft+".new")
	l, err := listen(ctx, bound)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	s := &Socket{Listener: l, path: bound}
	if IsStandIn(dir) {
		s.temp = dir
	}
	if err := os.Chmod(bound, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make %s private: %w", bound, err), s.Close())
	}
	if err := rename(bound, path); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot name the socket %s: %w", path, err), s.Close())
	}
	s.path = path
	s.file, _ = os.Lstat(path) // Without it, whatever is there is removed at the end.
	if s.file != nil {
		_ = os.SameFile(s.file, s.file) // On Windows a file is looked at no sooner than this.
	}
	return s, nil
}

// ErrDenied means that a process of this user's listens that does not take this one:
// on Windows it runs as administrator, and this one does not.
var ErrDenied = errors.New("it runs as administrator, and this process does not")

// Answer says whether somebody listens on a socket.
type Answer int

// The answers. Unknown is, for example, a socket that does not accept in time.
const (
	Unknown Answer = iota
	Yes
	No
)

// dialPatience is how long a socket may take to accept: a live gateway does so
// at once.
const dialPatience = 2 * time.Second

// Listening finds out whether somebody listens on a socket. It blocks for two
// seconds at most.
func Listening(ctx context.Context, path string) Answer {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	conn, err := Dial(ctx, path)
	switch {
	case err == nil:
		_ = conn.Close()
		return Yes
	case errors.Is(err, ErrDenied):
		return Yes
	case refused(err):
		return No
	default:
		return Unknown
	}
}

// Fresh is how long something that looks left behind may be in the making.
const Fresh = 10 * time.Second

// RemoveStale removes a socket that nobody listens on. One that is being made
// just now is left alone.
func RemoveStale(path string) {
	if strings.HasSuffix(path, ".new") {
		if info, err := os.Lstat(path); err != nil || time.Since(info.ModTime()) < Fresh {
			return
		}
	}
	_ = os.Remove(path) // The next who finds it tries again.
}
