package agents

import (
	"cmp"
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/identity"
)

// The bounds of what is remembered of HTTP sessions.
const (
	maxSessions = 10_000
	maxDeleted  = 10_000
)

// sessions remembers who opened an HTTP session, and which ones were deleted.
// Nothing that a request for the gateway's own tools needs is in it: the revision
// stands in the id, so an id from before a restart works, and so does one that was
// forgotten here. At a surface only those that are remembered are open.
type sessions struct {
	ttl     time.Duration
	replays *replays

	mu      sync.Mutex
	open    map[string]*list.Element // of session
	byUse   *list.List               // the most recently used first
	owned   map[string]int           // how many of open each owner has
	deleted map[string]struct{}
	order   []string // of deleted, oldest first
	// forgotten is when the latest of the deleted ones that are forgotten was made,
	// in seconds.
	forgotten int64
}

type session struct {
	id, client string
	declared   string // Caller.Declared
	who        *identity.Caller
	owner      string  // its credential, or else its address
	told       *told   // of changes of a surface's lists
	replay     *replay // nil at the gate
	asks       *Client
	used       time.Time
}

func newSessions(ttl time.Duration, kept *replays) *sessions {
	return &sessions{
		ttl: ttl, replays: kept, open: map[string]*list.Element{}, byUse: list.New(), owned: map[string]int{}, deleted: map[string]struct{}{},
	}
}

// newSessionID makes a new id for a session of the client's revision. It cannot be
// guessed. It belongs to the credential of whoever opens it, if there is one, to
// the surface and to the agent that the address names.
func newSessionID(p *peer, revision string, now time.Time) string {
	random := rand.Text()[:randomLength-stampLength] + stamp(now)
	id := "gh-" + strings.ReplaceAll(revision, "-", "") + "-" + random + ownerMark(random, bindingOf(p.surface, p.identity))
	if p.agent != "" {
		id += agentMark + p.agent
	}
	return id
}

// create opens the session of a client that has initialized, under the id that it has
// by then or a new one, and returns that.
func (s *sessions) create(p *peer, now time.Time) string {
	revision, client := p.known()
	id := cmp.Or(p.session, newSessionID(p, revision, now))
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := cmp.Or(p.identity.ID(), p.from)
	var kept *replay
	if p.surface != nil {
		kept = s.replays.of(owner)
	}
	s.open[id] = s.byUse.PushFront(&session{id: id, client: client, declared: p.declares(), who: p.identity, owner: owner, told: p.told, replay: kept, asks: p.asks, used: now})
	s.owned[owner]++
	s.forgetOld(now)
	return id
}

// size is how many are open.
func (s *sessions) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// forgetOld drops the idle sessions, and one beyond the bound.
func (s *sessions) forgetOld(now time.Time) {
	for e := s.byUse.Back(); e != nil; e = s.byUse.Back() {
		old := e.Value.(*session)
		if now.Sub(old.used) < s.ttl {
			break
		}
		if used := old.lastUsed(); now.Sub(used) < s.ttl { // A stream of it was open since.
			old.used = used
			s.byUse.MoveToFront(e)
			continue
		}
		s.drop(old.id)
	}
	if s.byUse.Len() > maxSessions {
		s.drop(s.surplus())
	}
}

// lastUsed is when there was a sign of life of the session.
func (s *session) lastUsed() time.Time {
	if s.asks == nil {
		return s.used
	}
	if alive := s.asks.Alive(); alive.After(s.used) {
		return alive
	}
	return s.used
}

// surplus is the longest unused session of the owner that has the most: who opens
// many forgets its own.
func (s *sessions) surplus() string {
	most, owner := 0, ""
	for o, n := range s.owned {
		if n > most || n == most && o < owner {
			most, owner = n, o
		}
	}
	for e := s.byUse.Back(); e != nil; e = e.Prev() {
		if old := e.Value.(*session); old.owner == owner {
			return old.id
		}
	}
	return "" // There is one.
}

func (s *sessions) drop(id string) {
	if e := s.open[id]; e != nil {
		s.byUse.Remove(e)
		delete(s.open, id)
		e.Value.(*session).told.mail().End()
		e.Value.(*session).replay.end()
		e.Value.(*session).asks.end()
		owner := e.Value.(*session).owner
		if s.owned[owner]--; s.owned[owner] == 0 {
			delete(s.owned, owner)
		}
	}
}

// sessionState is what is known of a session.
type sessionState int

// The states of sessions. The zero value is that nothing is known: it may be one
// of before a restart.
const (
	sessionUnknown sessionState = iota
	sessionOpen
	// sessionDeleted: a client ended it, or may have: one that is older than
	// deleted ones that are forgotten must be known to be open.
	sessionDeleted
)

// look returns what is known of a session, and marks it as used.
func (s *sessions) look(id string) (known session, state sessionState) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.open[id]; e != nil {
		e.Value.(*session).used = now
		s.byUse.MoveToFront(e)
		found := e.Value.(*session)
		found.asks.touch()
		return *found, sessionOpen
	}
	if _, yes := s.deleted[id]; yes {
		return session{}, sessionDeleted
	}
	made := madeAt(id)
	if s.forgotten > 0 && (made <= s.forgotten || made > now.Unix()) { // Nobody can have made the latter.
		return session{}, sessionDeleted
	}
	return session{}, sessionUnknown
}

// remove ends a session. Of the deleted ones the oldest are forgotten, and with
// them whatever was made before and is not known to be open: what was deleted
// stays so, however many others are.
func (s *sessions) remove(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(id)
	if _, yes := s.deleted[id]; yes {
		return
	}
	s.deleted[id] = struct{}{}
	s.order = append(s.order, id)
	if len(s.order) > maxDeleted {
		s.forgotten = max(s.forgotten, 1, min(madeAt(s.order[0]), now.Unix()))
		delete(s.deleted, s.order[0])
		s.order[0] = "" // The array behind it stays until append moves on.
		s.order = s.order[1:]
	}
}

// removeRevoked ends the sessions of those who are no longer accepted.
func (s *sessions) removeRevoked(accepted func(*identity.Caller) bool) {
	s.mu.Lock()
	var gone []string
	for id, e := range s.open {
		if !accepted(e.Value.(*session).who) {
			gone = append(gone, id)
		}
	}
	s.mu.Unlock()
	for _, id := range gone {
		s.remove(id, time.Now())
	}
}

// The length of the part of an id that is random, and of the time at its end.
const (
	randomLength = len("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	stampLength  = 8
)

// stamp is a time in the letters of an id, to the second.
func stamp(now time.Time) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.Unix())) //nolint:gosec // It is after 1970.
	return base32.StdEncoding.EncodeToString(b[3:])
}

// madeAt is when a session was made, in seconds, by its id. It must be well-formed.
func madeAt(id string) int64 {
	random := id[len("gh-20260728-"):][:randomLength]
	var b [8]byte
	_, _ = base32.StdEncoding.Decode(b[3:], []byte(random[randomLength-stampLength:])) // Its letters were looked at.
	return int64(binary.BigEndian.Uint64(b[:]))                                        //nolint:gosec // Of 40 bits.
}

// ownerMark is the end of the id of a session that belongs to a credential. It
// binds the id to it without any memory, so that this outlives the gateway:
// whoever bends the mark to another credential has another session.
func ownerMark(random, owner string) string {
	if owner == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("gatehouse session\x00" + random + "\x00" + owner))
	return "-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
}

// sessionRevision reads the revision out of a session id. ok is false if the
// id does not have the form that create makes for this owner.
func sessionRevision(id, owner string) (revision string, ok bool) {
	rest, ok := strings.CutPrefix(id, "gh-")
	date, rest, cut := strings.Cut(rest, "-")
	random := rest[:min(len(rest), randomLength)]
	if rest[len(random):] != ownerMark(random, owner) {
		return "", false
	}
	if !ok || !cut || len(date) != 8 || len(random) != randomLength {
		return "", false
	}
	for _, c := range random {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return "", false
		}
	}
	revision = date[:4] + "-" + date[4:6] + "-" + date[6:]
	return revision, slices.Contains(httpRevisions[1:], revision)
}
