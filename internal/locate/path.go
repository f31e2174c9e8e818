package locate

import (
	"errors"
	"path/filepath"

	"gatehouse/internal/jsondoc"
)

// ResolvePath makes a path that a user gave absolute: a leading ~ is the home
// directory, anything relative starts at workDir.
func ResolvePath(path, workDir, homeDir string) (string, error) {
	if rest, ok := CutTilde(path); ok {
		if homeDir == "" {
			return "", errors.New("cannot expand ~ in " + jsondoc.Quote(path) + ": there is no home directory")
		}
		return filepath.Join(homeDir, rest), nil
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path), nil
	}
	return filepath.Join(workDir, path), nil
}

// CutTilde cuts a leading "~" that stands for the user's home.
func CutTilde(path string) (string, bool) {
	if path == "~" {
		return "", true
	}
	if len(path) > 1 && path[0] == '~' && (path[1] == '/' || path[1] == filepath.Separator) {
		return path[2:], true
	}
	return path, false
}
