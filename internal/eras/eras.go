// Package eras keeps on disk what gateways have learnt of the eras of servers,
// by the fingerprint of their specs, so that the next gateway need not find out
// by trying. It is a cache: a file that cannot be read or written, or that holds
// something else, costs only that.
package eras

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/later"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/safefile"
)

const (
	fileName = "eras.json"
	// maxEntries is how many servers are remembered, the latest ones.
	maxEntries = 1000
	// maxFile is the size in bytes of a file that is read.
	maxFile = 1 << 20
	// refresh is the age at which an entry that is still right is written anew,
	// so that it is not forgotten before others.
	refresh = 7 * 24 * time.Hour
	// gather is for how long what is learnt is gathered before it is written.
	gather = 500 * time.Millisecond
)

// entry is what is known of one server.
type entry struct {
	Era endpoint.Era `json:"era"`
	At  time.Time    `json:"at"`
}

// Store remembers eras, in memory and in a file. Its methods may be called from
// any goroutine. A nil Store knows nothing.
type Store struct {
	path   string
	writer *later.Work

	mu    sync.Mutex
	known map[string]entry
	news  map[string]entry // what the file doesn't have yet; the zero entry forgets
}

// Open makes a Store of the file in a folder, which is made when there is
// something to write. It reads the file.
func Open(folder string) *Store {
	s := &Store{path: filepath.Join(folder, fileName), news: map[string]entry{}}
	s.writer = later.New(gather, s.write)
	s.known = load(s.path)
	return s
}

// Era returns what is known of the server with that fingerprint. It does not
// block.
func (s *Store) Era(fingerprint string) endpoint.Era {
	if s == nil {
		return endpoint.EraUnknown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[fingerprint].Era
}

// Note remembers an era; EraUnknown forgets what was known. It does not block:
// the file is written soon, and then also holds what other gateways have learnt
// meanwhile.
func (s *Store) Note(fingerprint string, era endpoint.Era, now time.Time) {
	if s != nil && s.take(fingerprint, entry{era, now}) {
		s.writer.Ask()
	}
}

// Wait has all written at once, and waits for it. It is for the end.
func (s *Store) Wait() {
	if s != nil {
		s.writer.Wait()
	}
}

func (s *Store) write() {
	news := s.next()
	all := load(s.path)
	learn(all, news)
	_ = save(s.path, all) // The next gateway asks once more, then.
}

// take notes an entry and reports whether it is news.
func (s *Store) take(fingerprint string, e entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.known[fingerprint]
	if old.Era == e.Era && (e.Era == endpoint.EraUnknown || e.At.Sub(old.At) < refresh) {
		return false
	}
	learn(s.known, map[string]entry{fingerprint: e})
	s.news[fingerprint] = e
	return true
}

// next hands out what is to be written.
func (s *Store) next() map[string]entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.news
	s.news = map[string]entry{}
	return news
}

// learn adds entries and drops the oldest ones beyond the limit.
func learn(all, news map[string]entry) {
	maps.Copy(all, news)
	maps.DeleteFunc(all, func(_ string, e entry) bool {
		return e.Era != endpoint.EraInitialize && e.Era != endpoint.EraStateless
	})
	if len(all) <= maxEntries {
		return
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(all[a].At.Compare(all[b].At), cmp.Compare(a, b))
	})
	for _, name := range names[:len(all)-maxEntries] {
		delete(all, name)
	}
}

func load(path string) map[string]entry {
	all := map[string]entry{}
	data, err := safefile.Read(path, maxFile)
	if err != nil || rawjson.Decode(data, &all) != nil || all == nil {
		return map[string]entry{}
	}
	learn(all, nil)
	return all
}

// save replaces the file in one step; only its owner may read it.
func save(path string, all map[string]entry) error {
	data, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("internal: %w", err)
	}
	return safefile.Replace(path, data)
}
