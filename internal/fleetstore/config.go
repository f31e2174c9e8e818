package fleetstore

import (
	"context"
	"crypto/rand"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleet"
)

// Propose implements fleet.Store.
func (s *Store) Propose(ctx context.Context, content fleet.Content) (revision int64, err error) {
	if err := content.Check(); err != nil {
		return 0, err
	}
	value, name := encoded(content), s.key(fleet.KeyCandidateName)
	own := rand.Text()
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		// A try whose answer was lost must not be followed by another candidate.
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.Value(name), "=", own)).
			Then(clientv3.OpGet(name)).
			Else(clientv3.OpPut(name, own), clientv3.OpPut(s.key(fleet.KeyCandidate), value)).Commit()
		if err != nil {
			return err
		}
		revision = done.Header.Revision
		if done.Succeeded {
			revision = done.Responses[0].GetResponseRange().Kvs[0].ModRevision
		}
		return nil
	})
	return revision, err
}

// Acknowledge implements fleet.Store.
func (s *Store) Acknowledge(ctx context.Context, a fleet.Ack, l fleet.Lease) error {
	return s.underLease(ctx, a.Node, l, fleet.AckKey(a.Node), a)
}

// Activate implements fleet.Store.
func (s *Store) Activate(ctx context.Context, candidate int64, acks []string, counted int64) (generation uint64, err error) {
	content, err := s.candidate(ctx, candidate)
	if err != nil {
		return 0, err
	}
	name, own := s.key(fleet.KeyActiveName), strconv.FormatInt(candidate, 10)
	puts := []clientv3.Op{clientv3.OpPut(s.key(fleet.KeyActive), encoded(content)), clientv3.OpPut(name, own), s.newGeneration()}
	ifs := []clientv3.Cmp{
		clientv3.Compare(clientv3.ModRevision(s.key(fleet.KeyCandidate)), "=", candidate),
		clientv3.Compare(clientv3.CreateRevision(s.key(fleet.NodesPrefix)), "<", counted+1).WithPrefix(),
	}
	for _, node := range acks {
		ack := s.key(fleet.AckKey(node))
		ifs = append(
			ifs, clientv3.Compare(clientv3.CreateRevision(ack), ">", 0),
			clientv3.Compare(clientv3.ModRevision(ack), "<", counted+1),
		)
	}
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.Value(name), "=", own)).
			Then(clientv3.OpGet(name)).Else(clientv3.OpTxn(ifs, puts, nil)).Commit()
		switch {
		case err != nil:
			return err
		case done.Succeeded:
			generation = asGeneration(done.Responses[0].GetResponseRange().Kvs[0].ModRevision)
		case !done.Responses[0].GetResponseTxn().Succeeded:
			return fleet.ErrOvertaken
		default:
			generation = asGeneration(done.Header.Revision)
		}
		return nil
	})
	return generation, err
}

// candidate returns the candidate of a revision.
func (s *Store) candidate(ctx context.Context, revision int64) (*fleet.Content, error) {
	var content *fleet.Content
	err := s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Get(ctx, s.key(fleet.KeyCandidate))
		if err != nil {
			return err
		}
		content = fleet.NewBoard(0, 0, s.entries(got.Kvs)).View().Candidate
		if content == nil || content.Candidate != revision {
			return fleet.ErrOvertaken
		}
		return nil
	})
	return content, err
}

// asGeneration returns the generation that a revision makes.
func asGeneration(revision int64) uint64 { return uint64(max(revision, 0)) }

// newGeneration is the write that makes a new generation of the fleet.
func (s *Store) newGeneration() clientv3.Op { return clientv3.OpPut(s.key(fleet.KeyGeneration), "") }

// PutHold implements fleet.Store.
func (s *Store) PutHold(ctx context.Context, server string, h fleet.Hold) (uint64, error) {
	keys := h.Keys(server)
	for i, key := range keys {
		keys[i] = fleet.HoldKey(key)
	}
	if h.Despite == "" {
		generation, _, err := s.wish(ctx, keys, encoded(h), 0)
		return generation, err
	}
	l, _, err := s.grant(ctx, fleet.DespiteLasts)
	if err != nil {
		return 0, err
	}
	generation, used, err := s.wish(ctx, keys, encoded(h), l)
	if err == nil && used != l {
		s.dropLease(ctx, l) // It was there before.
	}
	return generation, err
}

// EndHold implements fleet.Store.
func (s *Store) EndHold(ctx context.Context, server string, was, over fleet.Hold) (generation uint64, err error) {
	at := s.key(fleet.HoldKey(server))
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Get(ctx, at)
		if err != nil {
			return err
		}
		there := fleet.NewBoard(0, 0, s.entries(got.Kvs)).View().Holds[server]
		switch {
		case there.Revision > 0 && there.Same(over): // An earlier try has done it, or another node.
			generation = asGeneration(there.Revision)
			return nil
		case there.Revision != was.Revision || !there.Same(was):
			return fleet.ErrOvertaken
		}
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(at), "=", was.Revision)).
			Then(clientv3.OpPut(at, encoded(over)), s.newGeneration()).Commit()
		if err == nil && !done.Succeeded {
			return fleet.ErrOvertaken
		}
		if err == nil {
			generation = asGeneration(done.Header.Revision)
		}
		return err
	})
	return generation, err
}

// Restart implements fleet.Store.
func (s *Store) Restart(ctx context.Context, server string) (uint64, error) {
	generation, _, err := s.wish(ctx, []string{fleet.RestartKey(server)}, rand.Text(), 0) // No other restart looks like this one.
	return generation, err
}

// wish writes what an operator wants under some keys, with a new generation, once: an
// earlier try may have done it. The first key tells: a later wish may have the others. It
// goes with a lease, unless that is 0; used is the one that it goes with.
func (s *Store) wish(ctx context.Context, keys []string, value string, l fleet.Lease) (generation uint64, used fleet.Lease, err error) {
	first := s.key(keys[0])
	writes := []clientv3.Op{clientv3.OpPut(first, value, clientv3.WithLease(clientv3.LeaseID(l)))}
	for _, key := range keys[1:] {
		writes = append(writes, clientv3.OpPut(s.key(key), value))
	}
	writes = append(writes, s.newGeneration())
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.Value(first), "=", value)).
			Then(clientv3.OpGet(first)).Else(writes...).Commit()
		if err != nil {
			return err
		}
		generation, used = asGeneration(done.Header.Revision), l
		if done.Succeeded {
			there := done.Responses[0].GetResponseRange().Kvs[0]
			generation, used = asGeneration(there.ModRevision), fleet.Lease(there.Lease)
		}
		return nil
	})
	return generation, used, err
}
