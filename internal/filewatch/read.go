package filewatch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"

	"gatehouse/internal/descriptors"
	"gatehouse/internal/safefile"
)

// MaxBytes is the size of the largest file that is read: 4 MiB.
const MaxBytes = 4 << 20

// Content is what one look at a file has found. Exactly one of Hash and Err
// is empty.
type Content struct {
	Bytes []byte
	// Hash is the SHA-256 of Bytes in lower-case hex.
	Hash string
	// Err says why the file could not be read: missing, not readable, too
	// large or not a regular file. It names the path; Reason does not.
	Err, Reason string
	// Unreadable means that something is at the path, and that it is not a file
	// or cannot be read now: what its owner has written is not known.
	Unreadable bool
	// Missing means that nothing is at the path.
	Missing bool
	// Scarce means that descriptors or memory are short: it is worth another try.
	Scarce bool
}

// Read looks at the file at path, following symbolic links. It blocks as long
// as the file system does.
func Read(path string) Content {
	data, err := safefile.Read(path, MaxBytes)
	if err != nil {
		missing := errors.Is(err, fs.ErrNotExist)
		_, large := errors.AsType[*safefile.TooLarge](err)
		return Content{
			Err: err.Error(), Reason: safefile.Reason(err),
			Unreadable: !large && !missing, Missing: missing, Scarce: descriptors.Scarce(err),
		}
	}
	return ContentOf(data)
}

// ContentOf is the content of a file with these bytes.
func ContentOf(data []byte) Content {
	sum := sha256.Sum256(data)
	return Content{Bytes: data, Hash: hex.EncodeToString(sum[:])}
}

// Mark is short and equal for two contents exactly if they are: the hash, or
// the reason why there is none. It is never empty.
func (c Content) Mark() string {
	if c.Err != "" {
		return "! " + c.Err
	}
	return c.Hash
}
