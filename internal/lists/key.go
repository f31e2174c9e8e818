package lists

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"gatehouse/internal/safefile"
)

// key is what names and seals are made with. Without it nobody can tell from a
// file's name which entry, with which secrets, it is of.
type key [32]byte

func (k key) mac(texts ...[]byte) []byte {
	h := hmac.New(sha256.New, k[:])
	for _, t := range texts {
		h.Write(t)
	}
	return h.Sum(nil)
}

// name is the name of the file of a server, without its extension.
func (k key) name(fingerprint string) string {
	return hex.EncodeToString(k.mac([]byte("name 1\n"), []byte(fingerprint)))
}

// seal proves that a body is what was written for a server.
func (k key) seal(fingerprint string, body []byte) []byte {
	return k.mac([]byte("list 1\n"), []byte(fingerprint), []byte{'\n'}, body)
}

// errKey is the error of a file that holds something else than a key.
var errKey = errors.New("it is not a key")

// readKey reads the key. The error is fs.ErrNotExist if there is none yet.
func readKey(path string) (k key, err error) {
	data, err := safefile.ReadOwn(path, int64(len(k)))
	if err != nil {
		return k, err
	}
	if copy(k[:], data) != len(k) {
		return k, fmt.Errorf("cannot use %s: %w", path, errKey)
	}
	return k, nil
}

// Another gateway that makes the key at this moment may not have written all of
// it yet: its lists would be lost if it was replaced.
const (
	keyPatience = 5 * time.Second
	keyPause    = 10 * time.Millisecond
)

// makeKey reads the key, or makes one if there is none or it cannot be used: what
// was kept with the old one is then lost.
func makeKey(path string) (k key, err error) {
	for end := time.Now().Add(keyPatience); ; time.Sleep(keyPause) {
		k, err = readKey(path)
		switch {
		case err == nil:
			return k, nil
		case errors.Is(err, fs.ErrNotExist) && time.Now().Before(end):
			_, _ = rand.Read(k[:]) // Never fails.
			if err = safefile.CreateOwn(path, k[:]); !errors.Is(err, fs.ErrExist) {
				return k, err
			}
		case !errors.Is(err, errKey), !isFresh(path), time.Now().After(end):
			_, _ = rand.Read(k[:])
			return k, safefile.WriteOwn(path, k[:])
		}
	}
}

// isFresh reports whether a file was written a moment ago, or is being.
func isFresh(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()).Abs() < keyPatience
}
