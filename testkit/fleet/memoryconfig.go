package fleet

import (
	"bytes"
	"context"
	"crypto/rand"

	"gatehouse/internal/fleet"
)

// Propose implements fleet.Store.
func (c *MemoryClient) Propose(ctx context.Context, content fleet.Content) (revision int64, err error) {
	if err := content.Check(); err != nil {
		return 0, err
	}
	err = c.ask(ctx, func(m *MemoryStore) error {
		m.commit(put{key: fleet.KeyCandidate, value: encoded(content)})
		revision = m.revision
		return nil
	})
	return revision, err
}

// Acknowledge implements fleet.Store.
func (c *MemoryClient) Acknowledge(ctx context.Context, a fleet.Ack, l fleet.Lease) error {
	return c.ask(ctx, func(m *MemoryStore) error {
		if _, lives := m.leases[l]; !lives {
			return fleet.ErrLost
		}
		m.commit(put{key: fleet.AckKey(a.Node), value: encoded(a), lease: l})
		return nil
	})
}

// Activate implements fleet.Store.
func (c *MemoryClient) Activate(ctx context.Context, candidate int64, acks []string, counted int64) (generation uint64, err error) {
	err = c.ask(ctx, func(m *MemoryStore) error {
		v := m.view()
		if v.Active != nil && v.Active.Candidate == candidate {
			generation = uint64(m.keys[fleet.KeyActive].entry.Modified) // It was done before.
			return nil
		}
		content := v.Candidate
		if content == nil || content.Candidate != candidate || m.joinedAfter(counted) {
			return fleet.ErrOvertaken
		}
		for _, node := range acks {
			if a, ok := m.keys[fleet.AckKey(node)]; !ok || a.entry.Modified > counted {
				return fleet.ErrOvertaken
			}
		}
		generation = m.newGeneration(put{key: fleet.KeyActive, value: encoded(content)})
		return nil
	})
	return generation, err
}

// PutHold implements fleet.Store.
func (c *MemoryClient) PutHold(ctx context.Context, server string, h fleet.Hold) (generation uint64, err error) {
	err = c.ask(ctx, func(m *MemoryStore) error {
		keys, value := h.Keys(server), encoded(h)
		if was, ok := m.keys[fleet.HoldKey(keys[0])]; ok && bytes.Equal(was.entry.Value, value) {
			generation = uint64(was.entry.Modified) // It is so already.
			return nil
		}
		var writes []put
		for _, key := range keys {
			writes = append(writes, put{key: fleet.HoldKey(key), value: value})
		}
		if h.Despite != "" {
			writes[0].lease, _ = m.grant(fleet.DespiteLasts)
		}
		generation = m.newGeneration(writes...)
		return nil
	})
	return generation, err
}

// EndHold implements fleet.Store.
func (c *MemoryClient) EndHold(ctx context.Context, server string, was, over fleet.Hold) (generation uint64, err error) {
	err = c.ask(ctx, func(m *MemoryStore) error {
		there := m.view().Holds[server]
		switch {
		case there.Revision > 0 && there.Same(over):
			generation = uint64(there.Revision) // It is so already.
		case there.Revision != was.Revision || !there.Same(was):
			return fleet.ErrOvertaken
		default:
			generation = m.newGeneration(put{key: fleet.HoldKey(server), value: encoded(over)})
		}
		return nil
	})
	return generation, err
}

// Restart implements fleet.Store.
func (c *MemoryClient) Restart(ctx context.Context, server string) (generation uint64, err error) {
	err = c.ask(ctx, func(m *MemoryStore) error {
		generation = m.newGeneration(put{key: fleet.RestartKey(server), value: []byte(rand.Text())})
		return nil
	})
	return generation, err
}

// SessionKey implements fleet.Store.
func (c *MemoryClient) SessionKey(ctx context.Context) (key []byte, err error) {
	err = c.ask(ctx, func(m *MemoryStore) error {
		if _, made := m.keys[fleet.KeySessions]; !made {
			m.commit(put{key: fleet.KeySessions, value: []byte(rand.Text() + rand.Text())[:fleet.SessionKeyBytes]})
		}
		key = bytes.Clone(m.keys[fleet.KeySessions].entry.Value)
		return nil
	})
	return key, err
}

// newGeneration writes something that every node decides by.
func (m *MemoryStore) newGeneration(writes ...put) uint64 {
	m.commit(append(writes, put{key: fleet.KeyGeneration})...)
	return uint64(m.revision)
}
