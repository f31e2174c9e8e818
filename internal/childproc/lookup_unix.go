//go:build unix

package childproc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

func hasSeparator(name string) bool { return strings.Contains(name, "/") }

func mayExecute(info fs.FileInfo) bool { return info.Mode().Perm()&0o111 != 0 }

func pathOf(env []string) (path string) {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	return path
}

func findExecutable(path string, _ []string) (string, error) {
	return path, checkExecutable(path)
}

// startError explains why the system did not execute path, which resolve had
// found in order.
func (c Command) startError(path string, err error) error {
	cause := bare(err)
	switch {
	case errors.Is(cause, syscall.ENOENT):
		// The file and the folder exist, so what should run the file does not.
		if interpreter := interpreterOf(path); interpreter != "" {
			return cannotStart(cause, "%q has a bad interpreter: %q does not exist", path, interpreter)
		}
		return cannotStart(cause, "%q cannot be executed: its loader does not exist", path)
	case errors.Is(cause, syscall.EACCES), errors.Is(cause, syscall.EPERM):
		if interpreter := interpreterOf(path); interpreter != "" {
			return cannotStart(cause, "%q is not executable, or its interpreter %q is not", path, interpreter)
		}
		return cannotStart(cause, "%q is not executable: %v", path, cause)
	case errors.Is(cause, syscall.ENOEXEC):
		return cannotStart(cause, "%q is not executable: it is neither a program for this machine nor a script with a #! line", path)
	case errors.Is(cause, syscall.E2BIG):
		return cannotStart(cause, "arguments and environment of %q are too long for this system", c.Name)
	case errors.Is(cause, syscall.ELOOP), errors.Is(cause, syscall.ENOTDIR), errors.Is(cause, syscall.EISDIR):
		return cannotStart(cause, "%q is not executable: %v", path, cause)
	default:
		return fmt.Errorf("cannot start %q: %w", c.Name, cause)
	}
}

// interpreterOf returns the program that the #! line of a script names, or "".
func interpreterOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer closeAll(f)
	head, err := io.ReadAll(io.LimitReader(f, 256)) // the kernel looks no further either
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	rest, ok := bytes.CutPrefix(line, []byte("#!"))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) == 0 {
		return ""
	}
	return strings.ToValidUTF8(fields[0], "\uFFFD")
}
