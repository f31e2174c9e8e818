package store

// MaxUnused is how many items of no use a file names at most before the keyring gets no
// more.
const MaxUnused = maxUnused

// Guarded is what the library is called within.
var Guarded = guarded

// WithRead returns the Store with another way to read its files.
func (s *Store) WithRead(read func(path string, limit int64) ([]byte, error)) *Store {
	with := *s
	with.readOwn = read
	return &with
}
