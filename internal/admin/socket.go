package admin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/ownsocket"
)

// Listen makes the socket of this process in the first of the folders that
// can be used, and removes sockets there that nobody listens on. The error
// says of each folder why it can't be used.
func Listen(ctx context.Context, dirs []string, pid int, instance string) (*ownsocket.Socket, error) {
	errs := []error{}
	for _, dir := range dirs {
		if err := ownsocket.PrivateDir(dir); err != nil {
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

// listen makes the socket, named by the process id.
func listen(ctx context.Context, dir string, pid int, instance string) (*ownsocket.Socket, error) {
	name := strconv.Itoa(pid)
	if _, err := os.Lstat(filepath.Join(dir, name+".sock")); err == nil {
		// Alive, or it would have been removed: a namesake in another process
		// namespace.
		name += "-" + instance
	}
	s, err := ownsocket.Bind(ctx, dir, name, strconv.Itoa(pid)+"-"+instance)
	if ownsocket.IsStandIn(dir) {
		sweepStandIns(ctx, dir)
	}
	return s, err
}

// sockets lists the sockets in a folder on which somebody listens. Stale ones
// are removed. A folder that is missing or that others could write to has
// none.
func sockets(ctx context.Context, dir string) []string {
	if ownsocket.CheckDir(dir) != nil {
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
		switch ownsocket.Listening(ctx, path) {
		case ownsocket.Yes:
			if strings.HasSuffix(path, ".sock") {
				live = append(live, path)
			}
		case ownsocket.No:
			ownsocket.RemoveStale(path)
		case ownsocket.Unknown:
		}
	}
	return live
}

// sweepStandIns removes what killed gateways left beside a stand-in folder:
// the temporary folder is shared, and nobody else would.
func sweepStandIns(ctx context.Context, own string) {
	for _, dir := range ownsocket.StandIns(own) {
		info, err := os.Lstat(dir)
		if err != nil || dir == own || time.Since(info.ModTime()) < ownsocket.Fresh || ownsocket.CheckDir(dir) != nil {
			continue
		}
		if len(sockets(ctx, dir)) == 0 {
			_ = os.Remove(dir) // Only if it is empty.
		}
	}
}
