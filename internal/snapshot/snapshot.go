// Package snapshot holds what one generation of the configuration means for a
// call: the compiled policy and the route to every server, immutable, behind
// one atomic pointer. The gateway actor is the only writer of the pointer; it
// writes on a ReplaceSnapshot message of the config actor.
package snapshot

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
)

// Route leads to one server of the generation. Settings and descriptions are
// read here, the server's live state in its Cell.
type Route struct {
	Entry  serversfile.Entry
	Cell   *endpoint.Cell
	Redact *redact.Redactor
}

// Snapshot is one generation, whole. Nothing in it changes after it was made, but
// for what it remembers of itself.
type Snapshot struct {
	Generation uint64
	Loaded     time.Time
	Policy     *policy.Policy
	PolicyHash string // lower-case hex SHA-256 of the rules file's bytes
	// Credentials are who may call over HTTP; nil or empty asks nobody. Set it
	// before the snapshot is handed on.
	Credentials *identity.Set

	routes map[string]*Route
	names  []string
	views  *views
}

// New makes a snapshot. It keeps the routes, keyed by their entry's name.
func New(generation uint64, loaded time.Time, p *policy.Policy, hash string, routes []*Route) *Snapshot {
	s := &Snapshot{
		Generation: generation, Loaded: loaded, Policy: p, PolicyHash: hash,
		routes: make(map[string]*Route, len(routes)), views: &views{},
	}
	for _, r := range routes {
		s.routes[r.Entry.Name] = r
		s.names = append(s.names, r.Entry.Name)
	}
	slices.Sort(s.names)
	return s
}

// Route finds a server by its exact name.
func (s *Snapshot) Route(name string) (*Route, bool) {
	r, ok := s.routes[name]
	return r, ok
}

// Names lists the servers, sorted. The caller must not change the slice.
func (s *Snapshot) Names() []string { return s.names }

// Store is where the current snapshot is read. The zero Store is empty.
type Store struct {
	current atomic.Pointer[Snapshot]

	mu      sync.Mutex
	changed chan struct{} // nil if nobody waits
}

// Load returns the current snapshot, nil before the first. It does not block.
func (s *Store) Load() *Snapshot { return s.current.Load() }

// Replace makes next the current snapshot. Only the gateway actor calls it.
func (s *Store) Replace(next *Snapshot) {
	s.current.Store(next)
	s.Touch()
}

// Changed is closed once what agents may see may have changed: another snapshot is
// in force, or a server has listed something. It is asked for before that is looked
// at.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// Touch says that a server has listed something.
func (s *Store) Touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
