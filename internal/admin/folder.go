package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// maxPath is the longest path of a socket: systems take 104 to 108 bytes.
const maxPath = 100

// Dirs returns the folders as they are used for sockets; relative ones are left
// out. Where a socket's path would be longer than 100 bytes, a short folder in
// tempDir stands in for it; its name follows from the long one.
//
// A gateway uses the first that it can; a command looks into all of them, so
// it finds gateways that were started with another environment.
func Dirs(folders []string, tempDir string) []string {
	var dirs []string
	for _, dir := range folders {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, short(dir, tempDir))
		}
	}
	return dirs
}

// longestName is the longest name of a socket: PID-INSTANCE.sock.
const longestName = len("/4194304-0123456789ab.sock")

func short(dir, tempDir string) string {
	if len(dir)+longestName <= maxPath {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(tempDir, shortPrefix()+hex.EncodeToString(sum[:6]))
}

func shortPrefix() string { return "gatehouse-" + strconv.Itoa(os.Getuid()) + "-" }

// privateDir makes the folder if it is missing, and refuses one that others
// could have put something into.
func privateDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the operator's socket: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make the folder of the operator's socket: %w", err)
	}
	return checkDir(dir)
}

// checkDir returns an error unless the folder is ours alone. A symbolic link is
// not followed.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("cannot use %s for the operator's socket: it is not a folder", dir)
	}
	return ownerOnly(dir, info)
}
