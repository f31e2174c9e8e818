package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// dialPatience is how long a socket may take to accept: a live gateway does so
// at once.
const dialPatience = 2 * time.Second

// Socket is a listening socket. Close removes its file.
type Socket struct {
	net.Listener
	path string
	temp string // a folder to remove with it, if it is empty then
}

// Path is the socket's file.
func (s *Socket) Path() string { return s.path }

// Close stops listening and removes the file.
func (s *Socket) Close() error {
	err := s.Listener.Close()
	_ = os.Remove(s.path) // A stale one is removed by whoever finds it.
	if s.temp != "" {
		_ = os.Remove(s.temp) // Another gateway may use it.
	}
	return err
}

// Listen makes the socket of this process in the first of the folders that
// can be used, and removes sockets there that nobody listens on. The error
// says of each folder why it can't be used.
func Listen(ctx context.Context, dirs []string, pid int, instance string) (*Socket, error) {
	errs := []error{}
	for _, dir := range dirs {
		if err := privateDir(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		sockets(ctx, dir)
		s, err := listen(ctx, dir, pid, instance)
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, errors.New("cannot make the operator's socket: neither a runtime nor a state folder is known")
	}
	return nil, errors.Join(errs...)
}

// listen binds the socket under a name that nobody looks for, makes it
// private, and only then gives it its name.
func listen(ctx context.Context, dir string, pid int, instance string) (*Socket, error) {
	path := filepath.Join(dir, strconv.Itoa(pid)+".sock")
	if _, err := os.Lstat(path); err == nil {
		// Alive, or it would have been removed: a namesake in another process
		// namespace.
		path = filepath.Join(dir, strconv.Itoa(pid)+"-"+instance+".sock")
	}
	bound := path
	if renames {
		bound = filepath.Join(dir, "."+strconv.Itoa(pid)+"-"+instance+".new")
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", bound)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	s := &Socket{Listener: l, path: bound}
	if strings.HasPrefix(filepath.Base(dir), shortPrefix()) {
		s.temp = dir
		sweepStandIns(ctx, dir)
	}
	if err := os.Chmod(bound, 0o600); err != nil && renames {
		return nil, errors.Join(fmt.Errorf("cannot make %s private: %w", bound, err), s.Close())
	}
	if renames {
		if err := os.Rename(bound, path); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot name the socket %s: %w", path, err), s.Close())
		}
	}
	s.path = path
	return s, nil
}

// sockets lists the sockets in a folder on which somebody listens. Stale ones
// are removed. A folder that is missing or that others could write to has
// none.
func sockets(ctx context.Context, dir string) []string {
	if checkDir(dir) != nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var live []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !strings.HasSuffix(path, ".sock") && !strings.HasSuffix(path, ".new") {
			continue
		}
		switch listening(ctx, path) {
		case yes:
			if strings.HasSuffix(path, ".sock") {
				live = append(live, path)
			}
		case no:
			removeStale(path)
		case unknown:
		}
	}
	return live
}

// sweepStandIns removes what killed gateways left beside a stand-in folder:
// the temporary folder is shared, and nobody else would.
func sweepStandIns(ctx context.Context, own string) {
	beside, err := filepath.Glob(filepath.Join(filepath.Dir(own), shortPrefix()+"*"))
	if err != nil {
		return
	}
	for _, dir := range beside {
		info, err := os.Lstat(dir)
		if err != nil || dir == own || time.Since(info.ModTime()) < fresh || checkDir(dir) != nil {
			continue
		}
		if len(sockets(ctx, dir)) == 0 {
			_ = os.Remove(dir) // Only if it is empty.
		}
	}
}

type answer int

const (
	unknown answer = iota
	yes
	no
)

// listening reports whether somebody listens on a socket.
func listening(ctx context.Context, path string) answer {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return yes
	case refused(err):
		return no
	default:
		return unknown
	}
}

// fresh is how long something that looks left behind may be in the making.
const fresh = 10 * time.Second

// removeStale removes a socket that nobody listens on. One that is being made
// just now is left alone.
func removeStale(path string) {
	if strings.HasSuffix(path, ".new") {
		if info, err := os.Lstat(path); err != nil || time.Since(info.ModTime()) < fresh {
			return
		}
	}
	_ = os.Remove(path) // The next who finds it tries again.
}
