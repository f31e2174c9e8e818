package fleet

import (
	"context"
	"testing"
	"time"

	"gatehouse/internal/fleet"
)

// Case is one thing that every fleet.Store must do.
type Case struct {
	Name string
	// Run tests it with the store of a fleet that is empty. open returns a new way to
	// it each time, as another node has.
	Run func(t *testing.T, open func() fleet.Store)
}

// Conformance is what every fleet.Store must do.
func Conformance() []Case {
	var all []Case
	for _, some := range [][]Case{nodeCases, ownerCases, configCases, followCases, sessionCases} {
		all = append(all, some...)
	}
	return all
}

// TTL is how long a lease lasts of which Conformance awaits the end. A store may
// grant more.
const TTL = 2 * time.Second

// lasting is how long the others last: until their test ends, on any machine.
const lasting = 5 * time.Minute

// member is a node with its lease and its way to the store.
type member struct {
	fleet.Store
	t     *testing.T
	node  fleet.Node
	lease fleet.Lease
}

// join returns a node that has joined.
func join(t *testing.T, s fleet.Store, id string) *member {
	t.Helper()
	return joinFor(t, s, id, lasting)
}

// joinFor returns a node that has joined by a lease that lasts so long.
func joinFor(t *testing.T, s fleet.Store, id string, ttl time.Duration) *member {
	t.Helper()
	m := &member{Store: s, t: t, node: fleet.Node{ID: id, Boot: "boot of " + id, Address: id + ":1", Version: "v1.2.3"}}
	l, granted, err := s.Join(ctx(t), m.node, ttl, 0)
	if err != nil || l == 0 || granted < ttl {
		t.Fatalf("%s joins: got lease %d for %v (%v), want one for %v or more", id, l, granted, err, ttl)
	}
	m.lease = l
	return m
}

// owner returns the member as an owner.
func (m *member) owner() fleet.Owner {
	return fleet.Owner{Node: m.node.ID, Boot: m.node.Boot, Address: m.node.Address}
}

// claims claims a key, which must succeed, and returns the epoch.
func (m *member) claims(key string) int64 {
	m.t.Helper()
	o, won, err := m.Claim(ctx(m.t), key, m.owner(), m.lease)
	if err != nil || !won || o.Node != m.node.ID || o.Epoch == 0 {
		m.t.Fatalf("%s claims %q: got owner %+v, won %v (%v), want that it wins", m.node.ID, key, o, won, err)
	}
	return o.Epoch
}

// renews renews the member's lease, which must succeed.
func (m *member) renews() {
	m.t.Helper()
	if err := m.Renew(ctx(m.t), m.node, m.lease); err != nil {
		m.t.Fatalf("%s renews: %v", m.node.ID, err)
	}
}

// dies ends the member's lease.
func (m *member) dies() {
	m.t.Helper()
	if err := m.Revoke(ctx(m.t), m.lease); err != nil {
		m.t.Fatalf("the lease of %s is revoked: %v", m.node.ID, err)
	}
}

// ctx returns a context that ends with the test, or after a generous time.
func ctx(t *testing.T) context.Context {
	t.Helper()
	c, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return c
}

const patience = 30 * time.Second

// eye is what one follower of a store has seen.
type eye struct {
	t     *testing.T
	views chan fleet.View
	last  fleet.View
}

// watch follows a store until the test ends.
func watch(t *testing.T, s fleet.Store) *eye {
	t.Helper()
	e := &eye{t: t, views: make(chan fleet.View, 1000)}
	c, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Follow(c, func(v fleet.View) { e.views <- v }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err == nil {
			t.Error("got no error from Follow once its context has ended, want its cause")
		}
	})
	return e
}

// until waits for a view as it should be, and returns it.
func (e *eye) until(what string, as func(fleet.View) bool) fleet.View {
	e.t.Helper()
	late := time.After(patience)
	for {
		if e.last.Revision != 0 && as(e.last) {
			return e.last
		}
		select {
		case v := <-e.views:
			e.last = v
		case <-late:
			e.t.Fatalf("%s: got the view %+v, want it to be seen", what, e.last)
		}
	}
}
