package childproc

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

func hasSeparator(name string) bool { return strings.ContainsAny(name, `/\:`) }

// mayExecute reports true: on Windows the name decides, see findExecutable.
func mayExecute(fs.FileInfo) bool { return true }

func pathOf(env []string) string { return lastOf(env, "PATH") }

// lastOf returns the last value of a key, whose case does not matter.
func lastOf(env []string, key string) (value string) {
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.EqualFold(k, key) {
			value = v
		}
	}
	return value
}

// findExecutable tries path as it is, if it has an extension that may be
// executed, and then with each of them.
func findExecutable(path string, env []string) (string, error) {
	exts := filepath.SplitList(lastOf(env, "PATHEXT"))
	if len(exts) == 0 {
		exts = []string{".com", ".exe", ".bat", ".cmd"}
	}
	first := checkExecutable(path)
	for _, ext := range exts {
		if first == nil && strings.EqualFold(filepath.Ext(path), ext) {
			return path, nil
		}
	}
	for _, ext := range exts {
		if checkExecutable(path+ext) == nil {
			return path + ext, nil
		}
	}
	if first == nil {
		first = cannotStart(fs.ErrPermission, "%q is not executable", path)
	}
	return "", first
}

// startError explains why the system did not execute path.
func (c Command) startError(path string, err error) error {
	cause := bare(err)
	switch {
	case errors.Is(cause, windows.ERROR_BAD_EXE_FORMAT), errors.Is(cause, windows.ERROR_ACCESS_DENIED),
		errors.Is(cause, windows.ERROR_FILE_NOT_FOUND), errors.Is(cause, windows.ERROR_PATH_NOT_FOUND):
		return cannotStart(cause, "%q is not executable: %v", path, cause)
	case errors.Is(cause, windows.ERROR_FILENAME_EXCED_RANGE):
		return cannotStart(cause, "arguments and environment of %q are too long for this system", c.Name)
	default:
		return fmt.Errorf("cannot start %q: %w", c.Name, cause)
	}
}
