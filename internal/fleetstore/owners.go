package fleetstore

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleet"
	"gatehouse/internal/rawjson"
)

// Claim implements fleet.Store.
func (s *Store) Claim(ctx context.Context, key string, o fleet.Owner, l fleet.Lease) (owner fleet.Owner, won bool, err error) {
	at := s.key(fleet.OwnerKey(key))
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(at), "=", 0), s.lives(o.Node, l)).
			Then(clientv3.OpPut(at, encoded(o), clientv3.WithLease(clientv3.LeaseID(l)))).
			Else(clientv3.OpGet(at)).Commit()
		if err != nil {
			return err
		}
		if done.Succeeded {
			owner, won = o, true
			owner.Epoch = done.Header.Revision
			return nil
		}
		kvs := done.Responses[0].GetResponseRange().Kvs
		if len(kvs) == 0 {
			return fleet.ErrLost // Nobody owns it, so it was our node that is gone.
		}
		if err := rawjson.Decode(kvs[0].Value, &owner); err != nil {
			owner = fleet.Owner{} // Somebody else writes here; it is owned all the same.
		}
		owner.Epoch, won = kvs[0].CreateRevision, fleet.Lease(kvs[0].Lease) == l
		return nil
	})
	return owner, won, err
}

// Release implements fleet.Store.
func (s *Store) Release(ctx context.Context, key string, epoch int64) error {
	at := s.key(fleet.OwnerKey(key))
	return s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(at), "=", epoch)).Then(clientv3.OpDelete(at)).Commit()
		return err
	})
}

// RemoveVoid implements fleet.Store.
func (s *Store) RemoveVoid(ctx context.Context, key string, v fleet.VoidClaim) error {
	at := s.key(fleet.OwnerKey(key))
	return s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Txn(ctx).If(
			clientv3.Compare(clientv3.CreateRevision(at), "=", v.Created), clientv3.Compare(clientv3.ModRevision(at), "=", v.Modified),
		).Then(clientv3.OpDelete(at)).Commit()
		return err
	})
}

// Write implements fleet.Store.
func (s *Store) Write(ctx context.Context, key string, epoch int64, r fleet.Record) error {
	r.Epoch = epoch
	return s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(s.key(fleet.OwnerKey(key))), "=", epoch)).
			Then(clientv3.OpPut(s.key(fleet.RecordKey(key)), encoded(r))).Commit()
		if err == nil && !done.Succeeded {
			return fleet.ErrFenced
		}
		return err
	})
}

// Forget implements fleet.Store.
func (s *Store) Forget(ctx context.Context, key string) error {
	return s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(s.key(fleet.OwnerKey(key))), "=", 0)).
			Then(clientv3.OpDelete(s.key(fleet.RecordKey(key)))).Commit()
		return err
	})
}
