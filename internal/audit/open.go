package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Options say how a Log is kept.
type Options struct {
	// Instance goes into every line and distinguishes this process from others.
	Instance string
	// Node goes into every line too: which gateway of a fleet this is; empty for one that
	// is not one of a fleet, whose lines have no such key.
	Node string
	// Version of the program goes into the start line.
	Version string
	// Log hears of losses and failures; nil means that nobody does.
	Log *slog.Logger
	// MaxBytes is the size at which the file is rotated; 0 is
	// DefaultMaxBytes.
	MaxBytes int64
	// Files is how many files there may be, the current one included; 0 is
	// DefaultFiles, and there are at least 2. Beyond it the oldest one is deleted once its last
	// line is older than Keep.
	Files int
	// Keep is how long a line is kept at least, unless the disk is nearly full: less than
	// 1 GiB is free, or a twentieth of it. 0 is DefaultKeep.
	Keep time.Duration
	// Outlet is where each line goes as well once it is in the file, in order. Up to
	// 8,192 lines (4 MiB) wait while it takes none; what comes then is counted as lost
	// there. Begin waits until its line was sent.
	Outlet Outlet

	// openFile stands in for the system's own in tests, and so does space, which
	// returns the bytes of a folder's disk.
	openFile func(path string) (osFile, error)
	space    func(folder string) (free, total uint64, err error)
	// patience is the usual one if it is zero.
	patience patience
}

// What Options mean by zero.
const (
	DefaultMaxBytes = 100 << 20
	DefaultFiles    = 10
	DefaultKeep     = 7 * 24 * time.Hour
)

// Open opens the log at path for appending. Missing folders are made with mode
// 0700 and a missing file with mode 0600; the modes of existing ones are left
// as their owner set them. Anything but a regular file is refused, except the
// system's null device, which turns the log off. So is a file that is not this
// user's alone: a symbolic or hard link, or another user's file, whenever the
// path comes to be one. Beside the file there will be path + ".lock" and the
// rotated files.
//
// The caller must Close the Log. Errors name the path.
func Open(path string, o Options) (*Log, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Files <= 0 {
		o.Files = DefaultFiles
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.openFile == nil {
		o.openFile = openFile
	}
	if o.space == nil {
		o.space = diskSpace
	}
	if o.patience == (patience{}) {
		o.patience = usual()
	}
	f, err := newFile(path, o)
	if err != nil {
		return nil, err
	}
	return start(f, o), nil
}

// errLink refuses a path at which somebody may have put a way to another file.
var errLink = errors.New("it is a symbolic link; name the file itself")

// openFile makes and opens a file for appending. It does not follow a link.
func openFile(path string) (osFile, error) {
	if isLink(path) {
		return nil, errLink
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|nonblocking|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// isNull reports whether a file is the null device. It fails if a log cannot be
// appended to it.
func isNull(info fs.FileInfo) (bool, error) {
	if info.Mode().IsRegular() {
		return false, nil
	}
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(null, info) {
		return true, nil
	}
	return false, errors.New("it is not a regular file")
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// makeFolder makes the folder of the file, and returns the file's path in it
// without symbolic links on the way.
func makeFolder(path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", folderError{"made", err}
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", folderError{"used", err}
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// folderError says that the folder of the log cannot be made or used. Its text names no
// path: that of the log is enough.
type folderError struct {
	what string
	err  error
}

func (e folderError) Error() string {
	reason := e.err
	if pe, ok := errors.AsType[*fs.PathError](reason); ok {
		reason = pe.Err
	}
	return "its folder cannot be " + e.what + ": " + reason.Error()
}

func (e folderError) Unwrap() error { return e.err }

// cannotOpen names path once: the errors of package os may name it too.
func cannotOpen(path string, err error) error {
	return fmt.Errorf("cannot open audit log %s: %w", path, withoutPath(path, err))
}

func withoutPath(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok && pe.Path == path {
		return pe.Err
	}
	return err
}
