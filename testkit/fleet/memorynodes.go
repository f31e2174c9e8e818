package fleet

import (
	"context"
	"time"

	"gatehouse/internal/fleet"
)

// Join implements fleet.Store.
func (c *MemoryClient) Join(ctx context.Context, n fleet.Node, ttl time.Duration, previous fleet.Lease) (l fleet.Lease, granted time.Duration, err error) {
	err = c.ask(ctx, func(m *MemoryStore) error {
		if previous != 0 {
			m.end(previous)
		}
		key := fleet.NodeKey(n.ID)
		if there, ok := m.view().Nodes[n.ID]; ok {
			if there.Boot != n.Boot {
				return fleet.ErrTaken
			}
			m.end(m.keys[key].lease)
		}
		l, granted = m.grant(ttl)
		m.commit(put{key: key, value: encoded(n), lease: l})
		return nil
	})
	return l, granted, err
}

// Renew implements fleet.Store.
func (c *MemoryClient) Renew(ctx context.Context, n fleet.Node, l fleet.Lease) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		if !m.under(fleet.NodeKey(n.ID), l) {
			return fleet.ErrLost
		}
		m.leases[l].timer.Reset(m.leases[l].granted)
		return nil
	})
}

// Revoke implements fleet.Store.
func (c *MemoryClient) Revoke(ctx context.Context, l fleet.Lease) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		m.end(l)
		return nil
	})
}

// PutNode implements fleet.Store.
func (c *MemoryClient) PutNode(ctx context.Context, n fleet.Node, l fleet.Lease) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		if !m.under(fleet.NodeKey(n.ID), l) {
			return fleet.ErrLost
		}
		m.commit(put{key: fleet.NodeKey(n.ID), value: encoded(n), lease: l})
		return nil
	})
}

// Claim implements fleet.Store.
func (c *MemoryClient) Claim(ctx context.Context, key string, o fleet.Owner, l fleet.Lease) (owner fleet.Owner, won bool, err error) {
	err = c.ask(ctx, func(m *MemoryStore) error {
		if _, lives := m.leases[l]; !lives {
			return fleet.ErrLost
		}
		at := fleet.OwnerKey(key)
		if _, owned := m.keys[at]; !owned {
			m.commit(put{key: at, value: encoded(o), lease: l})
		}
		owner, won = m.view().Owners[key], m.under(at, l)
		return nil
	})
	return owner, won, err
}

// Release implements fleet.Store.
func (c *MemoryClient) Release(ctx context.Context, key string, epoch int64) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		at := fleet.OwnerKey(key)
		if s, owned := m.keys[at]; owned && s.entry.Created == epoch {
			m.commit(put{key: at, remove: true})
		}
		return nil
	})
}

// RemoveVoid implements fleet.Store.
func (c *MemoryClient) RemoveVoid(ctx context.Context, key string, v fleet.VoidClaim) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		at := fleet.OwnerKey(key)
		if s, owned := m.keys[at]; owned && s.entry.Created == v.Created && s.entry.Modified == v.Modified {
			m.commit(put{key: at, remove: true})
		}
		return nil
	})
}

// Write implements fleet.Store.
func (c *MemoryClient) Write(ctx context.Context, key string, epoch int64, r fleet.Record) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		if s, owned := m.keys[fleet.OwnerKey(key)]; !owned || s.entry.Created != epoch {
			return fleet.ErrFenced
		}
		r.Epoch = epoch
		m.commit(put{key: fleet.RecordKey(key), value: encoded(r)})
		return nil
	})
}

// Forget implements fleet.Store.
func (c *MemoryClient) Forget(ctx context.Context, key string) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		_, owned := m.keys[fleet.OwnerKey(key)]
		_, written := m.keys[fleet.RecordKey(key)]
		if written && !owned {
			m.commit(put{key: fleet.RecordKey(key), remove: true})
		}
		return nil
	})
}
