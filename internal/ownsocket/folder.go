package ownsocket

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/internal/safefile"
)

// Dirs returns the folders as they are used for sockets; relative ones are left
// out. Where a socket's path would be longer than the system takes, a short folder
// in tempDir stands in for it; its name follows from the long one.
//
// Who listens uses the first that it can; who looks for a socket looks into all
// of them, so it finds those of programs with another environment.
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

// IsStandIn reports whether a folder is one that stands in for a long path.
func IsStandIn(dir string) bool { return strings.HasPrefix(filepath.Base(dir), shortPrefix()) }

// StandIns lists the folders of this user that stand in for long paths beside
// one of them.
func StandIns(dir string) []string {
	return safefile.Glob(filepath.Dir(dir), shortPrefix()+"*")
}

func shortPrefix() string { return "gatehouse-" + strconv.Itoa(os.Getuid()) + "-" }

// PrivateDir makes the folder if it is missing, and refuses one that others
// could have put something into.
func PrivateDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of a socket: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make the folder of a socket: %w", err)
	}
	return CheckDir(dir)
}

// CheckDir returns an error unless the folder is ours alone. A symbolic link is
// not followed.
func CheckDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("cannot use %s for a socket: it is not a folder", dir)
	}
	return ownerOnly(dir, info)
}
