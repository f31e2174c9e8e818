// Package toolbook remembers which definitions of tools servers had, by the
// fingerprint of their specs, and says what changed in them: a server that was
// harmless when it was tried may say something else to agents later.
//
// It keeps them in memory and, as far as they fit, in a file, so that a change
// between two gateways is noticed too. The file is a cache: one that cannot be
// read or written, or that holds something else, costs only that.
package toolbook

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/later"
	"gatehouse/internal/policy"
	"gatehouse/internal/textcut"
)

// The limits of what is remembered.
const (
	maxServers     = 2048
	maxDefinition  = 64 << 10 // bytes of one definition; of a longer one its hash is kept
	maxTools       = 10_000   // of one server
	maxChanges     = 50       // of one server, the latest
	maxDiffed      = 20       // of one list that are compared word by word
	maxDifference  = 2000     // bytes of one difference
	tooManyChanged = "too many definitions changed at once to show each"
	tooLong        = "too long to be compared"
)

// Kind says what happened to a definition.
type Kind string

// The kinds of changes.
const (
	New     Kind = "new"
	Changed Kind = "changed"
	Removed Kind = "removed"
)

// Change is one definition that is another one than the last time.
type Change struct {
	At   time.Time
	Tool string
	Kind Kind
	// Was and Hash are the SHA-256 of the definition before and now; empty for none.
	Was, Hash string
	// Words show the difference, for a changed one.
	Words string
	// Before and After are what a changed definition says of the tool's behaviour.
	Before, After policy.Annotations
	// Access says who may use a changed tool now or no longer, for what it says of
	// itself; see Affect.
	Access string
}

// Definition is a tool's name and its server's own JSON.
type Definition struct {
	Name string
	Raw  []byte
}

// Book remembers definitions. Its methods may be called from any goroutine. A nil
// Book has no changes.
type Book struct {
	path   string // of the file; empty for none
	show   func(string) string
	writer *later.Work

	mu    sync.Mutex
	known map[string]*server // by fingerprint
	news  map[string]*server // what the file does not have yet
}

// server is what is known of one server.
type server struct {
	At    time.Time         `json:"at"`
	Tools map[string]string `json:"tools"` // the definitions, or "sha256:" and the hash

	changes []Change
	total   uint64
}

const hashed = "sha256:"

// Open makes a Book of the file in a folder, which is made when there is
// something to write; "" is no file. show makes a part of a definition fit to be
// shown. It reads the file.
func Open(folder string, show func(string) string) *Book {
	b := &Book{show: show, known: map[string]*server{}, news: map[string]*server{}}
	b.writer = later.New(gather, b.write)
	if folder != "" {
		b.path = fileIn(folder)
		b.known = load(b.path)
	}
	return b
}

// Note compares the list of a server with the one before, remembers it, and returns
// what changed, sorted by name. The first list of a server changes nothing. It does
// not wait for the file.
func (b *Book) Note(fingerprint string, list []Definition, now time.Time) []Change {
	next := &server{At: now, Tools: make(map[string]string, len(list))}
	for _, d := range list[:min(len(list), maxTools)] {
		next.Tools[d.Name] = kept(d.Raw)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old, seen := b.known[fingerprint]
	if seen {
		if maps.Equal(old.Tools, next.Tools) {
			return nil
		}
		next.changes, next.total = old.changes, old.total
	}
	var changes []Change
	if seen {
		changes = b.compare(old.Tools, next.Tools, now)
		next.total += uint64(len(changes))
		next.changes = append(slices.Clone(next.changes), changes...)
		next.changes = next.changes[max(0, len(next.changes)-maxChanges):]
	}
	b.known[fingerprint] = next
	forgetOldest(b.known, maxServers)
	b.keep(fingerprint, next)
	return changes
}

// Changes returns the latest changes of a server since this process began, the oldest
// first, and how many there were in all.
func (b *Book) Changes(fingerprint string) (latest []Change, total uint64) {
	if b == nil {
		return nil, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.known[fingerprint]
	if !ok {
		return nil, 0
	}
	return slices.Clone(s.changes), s.total
}

// Affect remembers whose use of a tool a change has changed.
func (b *Book) Affect(fingerprint string, c Change, access string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.known[fingerprint]
	if !ok {
		return
	}
	for i := range s.changes {
		if s.changes[i].Tool == c.Tool && s.changes[i].At.Equal(c.At) {
			s.changes[i].Access = access
		}
	}
}

func (b *Book) compare(old, next map[string]string, now time.Time) (changes []Change) {
	names := maps.Clone(old)
	maps.Copy(names, next)
	diffed := 0
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := old[name]
		is, has := next[name]
		c := Change{At: now, Tool: name, Kind: Changed, Was: hashOf(was), Hash: hashOf(is)}
		switch {
		case was == is && had == has:
			continue
		case !had:
			c.Kind, c.Was = New, ""
		case !has:
			c.Kind, c.Hash = Removed, ""
		default:
			c.Before, c.After = policy.AnnotationsOf([]byte(was)), policy.AnnotationsOf([]byte(is))
			if diffed++; diffed > maxDiffed {
				c.Words = tooManyChanged
			} else {
				c.Words = b.difference(was, is)
			}
		}
		changes = append(changes, c)
	}
	return changes
}

func (b *Book) difference(was, is string) string {
	if isHash(was) || isHash(is) {
		return tooLong
	}
	return textcut.Marked(Difference(was, is, b.show), maxDifference)
}

// kept is what is remembered of a definition.
func kept(raw []byte) string {
	if len(raw) > maxDefinition {
		sum := sha256.Sum256(raw)
		return hashed + hex.EncodeToString(sum[:])
	}
	return string(raw)
}

// isHash reports whether only the hash of a definition is known: a definition is
// an object.
func isHash(kept string) bool { return len(kept) > len(hashed) && kept[:len(hashed)] == hashed }

func hashOf(kept string) string {
	if isHash(kept) {
		return kept[len(hashed):]
	}
	sum := sha256.Sum256([]byte(kept))
	return hex.EncodeToString(sum[:])
}
