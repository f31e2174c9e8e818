package fleet

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/fleet"
)

// MemoryStore is what nodes agree by, in memory. It may be made and used inside a
// bubble of synctest. Each node reaches it by a Client of its own.
type MemoryStore struct {
	mu       sync.Mutex
	id       uint64
	revision int64
	keys     map[string]stored
	leases   map[fleet.Lease]*lease
	granted  fleet.Lease // the latest
	minimum  time.Duration
	frozen   bool
	changed  chan struct{} // closed at the next change
	writes   int
}

type stored struct {
	entry fleet.Entry
	lease fleet.Lease
}

type lease struct {
	granted time.Duration
	timer   *time.Timer
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		id: 1, revision: 1, keys: map[string]stored{}, leases: map[fleet.Lease]*lease{}, changed: make(chan struct{}),
	}
}

// Grant makes the store grant leases of at least so long.
func (m *MemoryStore) Grant(atLeast time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.minimum = atLeast
}

// Freeze makes the store answer nobody, as one that has lost its quorum. Leases do not
// end meanwhile.
func (m *MemoryStore) Freeze() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen = true
	for _, l := range m.leases {
		l.timer.Stop()
	}
}

// Thaw ends Freeze: all leases begin again.
func (m *MemoryStore) Thaw() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen = false
	for _, l := range m.leases {
		l.timer.Reset(l.granted)
	}
	m.tell()
}

// Expire ends the lease of a node at once, as an operator of the store can.
func (m *MemoryStore) Expire(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end(m.keys[fleet.NodeKey(node)].lease)
}

// Backup is the content of a store at one moment.
type Backup struct {
	revision int64
	keys     map[string]stored
}

// Backup returns the content of the store as it is now.
func (m *MemoryStore) Backup() Backup {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Backup{revision: m.revision, keys: cloneKeys(m.keys, func(stored) bool { return true })}
}

// Restore brings the content of a backup back, as another store: its revision falls,
// and what was kept by leases is gone.
func (m *MemoryStore) Restore(b Backup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id++
	m.rewind(b)
}

// Rewind is Restore of a store that goes on as the one that it was: nothing but its
// revision falls.
func (m *MemoryStore) Rewind(b Backup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rewind(b)
}

func (m *MemoryStore) rewind(b Backup) {
	for id, l := range m.leases {
		l.timer.Stop()
		delete(m.leases, id)
	}
	m.revision = b.revision
	m.keys = cloneKeys(b.keys, func(s stored) bool { return s.lease == 0 })
	m.tell()
}

// Damage writes bytes to a key below the fleet's prefix, as anybody can who may write to the store.
func (m *MemoryStore) Damage(key string, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commit(put{key: key, value: value})
}

// Delete deletes a key below the fleet's prefix, as anybody can who may write to the store.
func (m *MemoryStore) Delete(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commit(put{key: key, remove: true})
}

// Writes returns how many transactions have changed something so far.
func (m *MemoryStore) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// View returns what the store holds now.
func (m *MemoryStore) View() fleet.View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view()
}

func (m *MemoryStore) view() fleet.View {
	var entries []fleet.Entry
	for _, s := range m.keys {
		entries = append(entries, s.entry)
	}
	return fleet.NewBoard(m.id, m.revision, entries).View()
}

// put is one write of a transaction.
type put struct {
	key    string
	value  []byte
	lease  fleet.Lease
	remove bool
}

// commit makes one revision of some writes.
func (m *MemoryStore) commit(writes ...put) {
	m.revision++
	m.writes++
	for _, w := range writes {
		if w.remove {
			delete(m.keys, w.key)
			continue
		}
		created := m.revision
		if old, ok := m.keys[w.key]; ok {
			created = old.entry.Created
		}
		m.keys[w.key] = stored{fleet.Entry{Key: w.key, Value: slices.Clone(w.value), Created: created, Modified: m.revision, Lease: w.lease}, w.lease}
	}
	m.tell()
}

func (m *MemoryStore) tell() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// grant makes a lease.
func (m *MemoryStore) grant(ttl time.Duration) (fleet.Lease, time.Duration) {
	m.granted++
	id := m.granted
	ttl = max(ttl, m.minimum)
	m.leases[id] = &lease{granted: ttl, timer: time.AfterFunc(ttl, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !m.frozen {
			m.end(id)
		}
	})}
	return id, ttl
}

// end takes a lease away, and all that it kept.
func (m *MemoryStore) end(id fleet.Lease) {
	l, ok := m.leases[id]
	if !ok {
		return
	}
	l.timer.Stop()
	delete(m.leases, id)
	var gone []put
	for key, s := range m.keys {
		if s.lease == id {
			gone = append(gone, put{key: key, remove: true})
		}
	}
	if len(gone) > 0 {
		m.commit(gone...)
	}
}

// under reports whether a key is kept by a lease that lives.
func (m *MemoryStore) under(key string, l fleet.Lease) bool {
	_, lives := m.leases[l]
	return lives && m.keys[key].lease == l
}

func cloneKeys(keys map[string]stored, keep func(stored) bool) map[string]stored {
	all := map[string]stored{}
	for key, s := range keys {
		if keep(s) {
			all[key] = s
		}
	}
	return all
}

// joinedAfter reports whether a node has joined after a revision.
func (m *MemoryStore) joinedAfter(revision int64) bool {
	for key, s := range m.keys {
		if strings.HasPrefix(key, fleet.NodesPrefix) && s.entry.Created > revision {
			return true
		}
	}
	return false
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // All records can be written.
	}
	return b
}

// Client returns a new way to the store, for one node.
func (m *MemoryStore) Client() *MemoryClient {
	return &MemoryClient{store: m, healed: make(chan struct{})}
}

// MemoryClient is how one node reaches a MemoryStore.
type MemoryClient struct {
	store *MemoryStore

	mu     sync.Mutex
	cut    bool
	mute   bool
	healed chan struct{} // closed by Heal
}

var _ fleet.Store = (*MemoryClient)(nil)

// Cut lets nothing through to the store or from it: each request waits until its
// context ends.
func (c *MemoryClient) Cut() { c.set(true, false) }

// Mute lets requests reach the store and do there what they ask for, but no answer
// comes back.
func (c *MemoryClient) Mute() { c.set(false, true) }

// Heal ends Cut and Mute. Requests that are under way stay without an answer.
func (c *MemoryClient) Heal() { c.set(false, false) }

func (c *MemoryClient) set(cut, mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut, c.mute = cut, mute
	close(c.healed)
	c.healed = make(chan struct{})
}

func (c *MemoryClient) state() (cut, mute bool, next <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut, c.mute, c.healed
}

// ask has the store do something, unless it cannot be reached.
func (c *MemoryClient) ask(ctx context.Context, do func(m *MemoryStore) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	cut, mute, _ := c.state()
	c.store.mu.Lock()
	frozen := c.store.frozen
	var err error
	if !cut && !frozen {
		err = do(c.store)
	}
	c.store.mu.Unlock()
	if cut || mute || frozen {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return err
}

// Follow implements fleet.Store.
func (c *MemoryClient) Follow(ctx context.Context, hear func(fleet.View)) error {
	var seen *fleet.View
	for {
		cut, mute, healed := c.state()
		c.store.mu.Lock()
		changed, reached := c.store.changed, !cut && !mute && !c.store.frozen
		view := c.store.view()
		c.store.mu.Unlock()
		if reached && (seen == nil || seen.Revision != view.Revision || seen.Store != view.Store) {
			seen = &view
			hear(view)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		case <-healed:
		}
	}
}
