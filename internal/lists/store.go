// Package lists keeps on disk which tools servers had, so that those of a server
// that sleeps, or cannot be started, are found by the next gateway too.
//
// Each list is a file of its own, named by a keyed fingerprint of the server's
// expanded entry and sealed with the same key: a file that anybody else may have
// written, or that is not whole, is not used. All of it is a cache: what cannot
// be read or written costs only that.
package lists

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/safefile"
)

const (
	folderName = "lists"
	keyName    = "lists.key"
	// maxAge is how long a list is of use without the server having been heard of.
	maxAge = 90 * 24 * time.Hour
	// refresh is the age at which a list that is still right is written anew.
	refresh = 7 * 24 * time.Hour
	// maxAhead is how far in the future a list may have been read: clocks are set.
	maxAhead = 24 * time.Hour
	// maxFile is the size in bytes of a file that is read or written.
	maxFile = 4 << 20
	// maxKnown is of how many files it is remembered what they hold.
	maxKnown = 1000
)

// Store keeps lists in a folder. Its methods may be called from any goroutine, and
// block for as long as the disk takes. A nil Store keeps nothing.
type Store struct {
	folder string // of the lists
	key    string // the path of the key
	report func(error)
	room   room

	mu      sync.Mutex
	news    map[string]*endpoint.Catalog // by fingerprint: what is to be written
	writing bool
	written map[string]written // by fingerprint: what a file has
	failing bool               // the latest one could not be written
}

// written is what is known of a file: what it holds, and since when.
type written struct {
	sum [sumBytes]byte
	at  time.Time
}

// Open makes a Store in the state folder, where it makes what it needs when there
// is something to keep. report is told, once for each kind of trouble, why lists
// cannot be used or kept; it may be called from any goroutine.
func Open(state string, report func(error)) *Store {
	return &Store{
		folder: filepath.Join(state, folderName), key: filepath.Join(state, keyName), report: report, room: room{files: 1000, bytes: 64 << 20},
		news: map[string]*endpoint.Catalog{}, written: map[string]written{},
	}
}

// Recall returns what is kept of the servers with these fingerprints.
func (s *Store) Recall(fingerprints []string, now time.Time) map[string]endpoint.Catalog {
	if s == nil || len(fingerprints) == 0 {
		return nil
	}
	k, err := readKey(s.key)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // Else nothing was ever kept.
			s.report(fmt.Errorf("no kept list can be used: %w", err))
		}
		return nil
	}
	found := map[string]endpoint.Catalog{}
	var bad []error
	for _, f := range fingerprints {
		c, err := s.read(k, f, now)
		switch {
		case err == nil:
			found[f] = c
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errOld):
			bad = append(bad, err)
		}
	}
	if len(bad) > 0 {
		more := ""
		if len(bad) > 1 {
			more = fmt.Sprintf(" (and %d more)", len(bad)-1)
		}
		s.report(fmt.Errorf("a kept list is not used: %w%s", bad[0], more))
	}
	return found
}

// errOld is the error of a list that is too old to be of use.
var errOld = errors.New("it is too old")

func (s *Store) read(k key, fingerprint string, now time.Time) (endpoint.Catalog, error) {
	path := s.path(k, fingerprint)
	data, err := safefile.ReadOwn(path, maxFile)
	if err != nil {
		return endpoint.Catalog{}, err
	}
	c, sum, ok := open(k, fingerprint, data)
	if !ok {
		return endpoint.Catalog{}, fmt.Errorf("%s is not as it was written", path)
	}
	if now.Sub(c.At) > maxAge || c.At.Sub(now) > maxAhead {
		return endpoint.Catalog{}, errOld
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(fingerprint, written{sum, c.At})
	return c, nil
}

// note remembers what a file has. The caller holds the lock.
func (s *Store) note(fingerprint string, w written) {
	if len(s.written) >= maxKnown {
		clear(s.written) // Then some are written once more.
	}
	s.written[fingerprint] = w
}

func (s *Store) path(k key, fingerprint string) string {
	return filepath.Join(s.folder, k.name(fingerprint)+fileExt)
}

// Keep is KeepAll for one server.
func (s *Store) Keep(fingerprint string, c *endpoint.Catalog, now time.Time) {
	s.KeepAll(map[string]*endpoint.Catalog{fingerprint: c}, now)
}

// KeepAll writes what servers have listed, by their fingerprints, but for what their
// files have. If another call is writing, that one writes it too, and this one returns
// at once.
func (s *Store) KeepAll(all map[string]*endpoint.Catalog, now time.Time) {
	if s == nil || !s.take(all) {
		return
	}
	for news := s.next(); news != nil; news = s.next() {
		s.tell(s.write(news, now))
	}
}

// take notes what is to be written and reports whether the caller is to write.
func (s *Store) take(all map[string]*endpoint.Catalog) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for fingerprint, c := range all {
		if c.Known && !c.Kept && c.Err == "" {
			s.news[fingerprint] = c
		}
	}
	if s.writing || len(s.news) == 0 {
		return false
	}
	s.writing = true
	return true
}

// next hands out what is to be written, nil if there is nothing more.
func (s *Store) next() map[string]*endpoint.Catalog {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.news) == 0 {
		s.writing = false
		return nil
	}
	news := s.news
	s.news = map[string]*endpoint.Catalog{}
	return news
}

// write writes lists, as many as it can, and returns the last error.
func (s *Store) write(news map[string]*endpoint.Catalog, now time.Time) (failed error) {
	k, err := makeKey(s.key)
	if err != nil {
		return err
	}
	wrote := false
	for fingerprint, c := range news {
		w, err := s.writeOne(k, fingerprint, c, now)
		if err != nil {
			failed = err
		}
		wrote = wrote || w
	}
	if wrote {
		s.room.tidy(s.folder, now)
	}
	return failed
}

// writeOne writes a list, and reports whether it did: not one that the file has.
func (s *Store) writeOne(k key, fingerprint string, c *endpoint.Catalog, now time.Time) (wrote bool, err error) {
	path := s.path(k, fingerprint)
	body, sum := pack(c, now)
	if s.has(fingerprint, sum, now) {
		if _, err := os.Lstat(path); err == nil {
			return false, nil
		}
	}
	data := seal(k, fingerprint, body)
	if len(data) > maxFile {
		_ = os.Remove(path) // What it holds is no longer true.
		return false, &safefile.TooLarge{Path: path, Limit: maxFile}
	}
	if err := safefile.ReplaceOwn(path, data); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(fingerprint, written{sum, now})
	return true, nil
}

// has reports whether a file has that list already, and will have it for long.
func (s *Store) has(fingerprint string, sum [sumBytes]byte, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.written[fingerprint]
	return ok && w.sum == sum && now.Sub(w.at) < refresh
}

// tell reports why a list was not written, unless the one before was not either.
func (s *Store) tell(err error) {
	s.mu.Lock()
	news := err != nil && !s.failing
	s.failing = err != nil
	s.mu.Unlock()
	if news {
		s.report(fmt.Errorf("a list of tools cannot be kept: %w", err))
	}
}
