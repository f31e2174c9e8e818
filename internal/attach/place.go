package attach

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// Place is where a gateway for a set of files is to be found.
type Place struct {
	Dir  string // a folder of the user's alone
	Name string // without the endings
}

// PlaceOf returns the place for files in one of a user's folders for sockets. The
// name is a hash of the paths, whose symbolic links must be resolved.
func PlaceOf(dir string, f Files) Place {
	sum := sha256.Sum256([]byte(f.Servers + "\x00" + f.Rules))
	return Place{Dir: dir, Name: hex.EncodeToString(sum[:hashBytes])}
}

// hashBytes is how much of a hash makes a name.
const hashBytes = 8

// Socket is the path of the socket.
func (p Place) Socket() string { return filepath.Join(p.Dir, p.Name+socketEnd) }

// lifeLock is held by the gateway as long as it lives, startLock by whoever starts
// one.
func (p Place) lifeLock() string  { return filepath.Join(p.Dir, p.Name+lifeEnd) }
func (p Place) startLock() string { return filepath.Join(p.Dir, p.Name+startEnd) }

// Log is the path of the log of a gateway in the background, in a folder of logs.
func (p Place) Log(dir string) string { return filepath.Join(dir, p.Name+logEnd) }
