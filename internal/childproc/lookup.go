package childproc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// CannotStart means that a command cannot be started at all, until the
// command, its file or its folder is changed.
type CannotStart struct {
	// Reason is one line: `executable "uvx" not found in PATH`. It shows the
	// name of the program and the folder as they were given to Start.
	Reason string
	// Err is the system's own error; it may be nil.
	Err error
}

func (e *CannotStart) Error() string { return e.Reason }

// Unwrap returns the system's own error.
func (e *CannotStart) Unwrap() error { return e.Err }

func cannotStart(err error, format string, args ...any) *CannotStart {
	return &CannotStart{Reason: fmt.Sprintf(format, args...), Err: err}
}

// resolve finds the executable. It checks first what the system's own errors
// would leave unclear.
func (c Command) resolve() (string, error) {
	if c.Name == "" {
		return "", cannotStart(nil, "no command is given")
	}
	if err := c.checkBytes(); err != nil {
		return "", err
	}
	if err := checkDir(c.Dir); err != nil {
		return "", err
	}
	return LookPath(c.Name, c.Env, c.Dir)
}

// checkBytes refuses zero bytes: the system could not pass them on.
func (c Command) checkBytes() error {
	hasZero := func(list ...string) bool { return strings.Contains(strings.Join(list, ""), "\x00") }
	switch {
	case hasZero(c.Name, c.Dir):
		return cannotStart(nil, "the command or its folder contains a zero byte")
	case hasZero(c.Args...):
		return cannotStart(nil, "an argument of %q contains a zero byte", c.Name)
	case hasZero(c.Env...), hasZero(c.Mark):
		return cannotStart(nil, "the environment of %q contains a zero byte", c.Name)
	default:
		return nil
	}
}

func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cannotStart(err, "working directory %q does not exist", dir)
	case err != nil:
		return cannotStart(err, "working directory %q cannot be used: %v", dir, bare(err))
	case !info.IsDir():
		return cannotStart(nil, "working directory %q is not a directory", dir)
	default:
		return nil
	}
}

// LookPath finds the file that a command would run: name itself, relative to
// base, if it has a path separator, else the first executable file of that
// name in the PATH of env (KEY=VALUE entries, the last PATH counts). Relative
// folders in PATH are skipped, because their meaning depends on the working
// directory. It looks at file names and modes only. The error is a *CannotStart.
func LookPath(name string, env []string, base string) (string, error) {
	if hasSeparator(name) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(base, name)
		}
		return findExecutable(name, env)
	}
	var unusable error
	for _, dir := range filepath.SplitList(pathOf(env)) {
		if !filepath.IsAbs(dir) {
			continue
		}
		found, err := findExecutable(filepath.Join(dir, name), env)
		if err == nil {
			return found, nil
		}
		if unusable == nil && !errors.Is(err, fs.ErrNotExist) {
			unusable = err
		}
	}
	if unusable != nil {
		return "", unusable
	}
	return "", cannotStart(fs.ErrNotExist, "executable %q not found in PATH", name)
}

// checkExecutable checks one file.
func checkExecutable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cannotStart(err, "executable %q does not exist", path)
	case err != nil:
		return cannotStart(err, "executable %q cannot be used: %v", path, bare(err))
	case info.IsDir():
		return cannotStart(nil, "%q is a directory, not an executable", path)
	case !mayExecute(info):
		return cannotStart(fs.ErrPermission, "%q is not executable", path)
	default:
		return nil
	}
}

// bare removes the path and the operation that package os puts around an error:
// our texts name the path themselves.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
