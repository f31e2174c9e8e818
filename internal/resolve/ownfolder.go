package resolve

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"

	"gatehouse/internal/lazyregexp"
)

// OwnFolder returns the folder of a server whose entry names no cwd, below the
// folder for all of them. Names that no file system takes for each other have
// different ones, and none leads out of serversDir.
func OwnFolder(serversDir, name string) string { return filepath.Join(serversDir, folderName(name)) }

var (
	// plainName is a name that is a folder's name as it is, on every system.
	plainName = lazyregexp.New(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	// deviceName is one that is something else on Windows.
	deviceName = lazyregexp.New(`^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$`)
	notPlain   = lazyregexp.New(`[^A-Za-z0-9_-]+`)
)

// folderName is a name that is safe as it is, else what can be shown of it and,
// after a dot, which no plain name has, the beginning of its hash.
func folderName(name string) string {
	if plainName().MatchString(name) && !deviceName().MatchString(name) {
		return name
	}
	shown := strings.Trim(notPlain().ReplaceAllString(name, "_"), "_-")
	sum := sha256.Sum256([]byte(name))
	return shown[:min(len(shown), 40)] + "." + hex.EncodeToString(sum[:6])
}
