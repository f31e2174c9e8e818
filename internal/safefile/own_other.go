//go:build !unix

package safefile

import (
	"io/fs"
	"os"
)

// openOwn opens path for reading, but no symbolic link.
func openOwn(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, &NotOwn{Path: path, Why: "it is a symbolic link"}
	}
	return openNonblocking(path)
}

// notOwn trusts the access lists: what is used belongs to the user's profile.
func notOwn(fs.FileInfo, bool) string { return "" }

// Foreign reports false: who owns a file is not known here.
func Foreign(fs.FileInfo) bool { return false }
