package fleetstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleet"
	"gatehouse/internal/rawjson"
)

// Join implements fleet.Store.
func (s *Store) Join(ctx context.Context, n fleet.Node, ttl time.Duration, previous fleet.Lease) (fleet.Lease, time.Duration, error) {
	if previous != 0 {
		if err := s.Revoke(ctx, previous); err != nil {
			return 0, 0, err
		}
	}
	if err := s.leaveSeat(ctx, n); err != nil {
		return 0, 0, err
	}
	l, granted, err := s.grant(ctx, ttl)
	if err != nil {
		return 0, 0, err
	}
	if err := s.takeSeat(ctx, n, l); err != nil {
		s.dropLease(ctx, l)
		return 0, 0, err
	}
	return l, granted, nil
}

// leaveSeat frees the node's key if this very process holds it: the answer to its
// joining was lost.
func (s *Store) leaveSeat(ctx context.Context, n fleet.Node) error {
	var old fleet.Lease
	err := s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Get(ctx, s.key(fleet.NodeKey(n.ID)))
		if err != nil || len(got.Kvs) == 0 {
			return err
		}
		var there fleet.Node
		if rawjson.Decode(got.Kvs[0].Value, &there) != nil || there.Boot != n.Boot {
			return fleet.ErrTaken
		}
		old = fleet.Lease(got.Kvs[0].Lease)
		return nil
	})
	if err != nil || old == 0 {
		return err
	}
	return s.Revoke(ctx, old)
}

// takeSeat puts the node's key, unless somebody else was faster.
func (s *Store) takeSeat(ctx context.Context, n fleet.Node, l fleet.Lease) error {
	key := s.key(fleet.NodeKey(n.ID))
	return s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, encoded(n), clientv3.WithLease(clientv3.LeaseID(l)))).
			Else(clientv3.OpGet(key)).Commit()
		if err != nil || done.Succeeded {
			return err
		}
		if kvs := done.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 && fleet.Lease(kvs[0].Lease) == l {
			return nil // By an earlier try.
		}
		return fleet.ErrTaken
	})
}

func (s *Store) grant(ctx context.Context, ttl time.Duration) (l fleet.Lease, granted time.Duration, err error) {
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Grant(ctx, int64((ttl+time.Second-1)/time.Second))
		if err == nil {
			l, granted = fleet.Lease(got.ID), time.Duration(got.TTL)*time.Second
		}
		return err
	})
	return l, granted, err
}

// dropLease ends a lease that is of no use; it ends by itself if that fails.
func (s *Store) dropLease(ctx context.Context, l fleet.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.try())
	defer cancel()
	_ = s.Revoke(ctx, l)
}

// Renew implements fleet.Store.
func (s *Store) Renew(ctx context.Context, n fleet.Node, l fleet.Lease) error {
	if err := s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error { return keepAlive(ctx, c, l) }); err != nil {
		return err
	}
	// Some versions have answered "renewed" for a lease that was gone.
	return s.look(ctx, clientv3.OpGet(s.key(fleet.NodeKey(n.ID))), func(kvs *etcdserverpb.RangeResponse) error {
		if len(kvs.Kvs) == 0 || fleet.Lease(kvs.Kvs[0].Lease) != l {
			return fleet.ErrLost
		}
		return nil
	})
}

// keepAlive renews a lease by one question and one answer. The client's own function
// for that asks a member that is gone again and again without a pause.
func keepAlive(ctx context.Context, c *clientv3.Client, l fleet.Lease) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // It ends the stream.
	stream, err := clientv3.RetryLeaseClient(c).LeaseKeepAlive(ctx)
	if err != nil {
		return fmt.Errorf("cannot ask for a renewal: %w", err)
	}
	if err := stream.Send(&etcdserverpb.LeaseKeepAliveRequest{ID: int64(l)}); err != nil {
		return fmt.Errorf("cannot ask for a renewal: %w", err)
	}
	got, err := stream.Recv()
	switch {
	case err != nil:
		return fmt.Errorf("no renewal: %w", err)
	case got.TTL <= 0:
		return rpctypes.ErrLeaseNotFound
	}
	return nil
}

// Revoke implements fleet.Store.
func (s *Store) Revoke(ctx context.Context, l fleet.Lease) error {
	err := s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Revoke(ctx, clientv3.LeaseID(l))
		return err
	})
	if err == fleet.ErrLost { //nolint:errorlint // It is returned as it is.
		return nil // It is gone: that is all that was wanted.
	}
	return err
}

// PutNode implements fleet.Store.
func (s *Store) PutNode(ctx context.Context, n fleet.Node, l fleet.Lease) error {
	return s.underLease(ctx, n.ID, l, fleet.NodeKey(n.ID), n)
}

// underLease writes a key that goes with the node, if the node is there with this lease.
func (s *Store) underLease(ctx context.Context, node string, l fleet.Lease, key string, value any) error {
	return s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		done, err := c.Txn(ctx).If(s.lives(node, l)).
			Then(clientv3.OpPut(s.key(key), encoded(value), clientv3.WithLease(clientv3.LeaseID(l)))).Commit()
		if err == nil && !done.Succeeded {
			return fleet.ErrLost
		}
		return err
	})
}

// lives compares that a node is there with this lease.
func (s *Store) lives(node string, l fleet.Lease) clientv3.Cmp {
	return clientv3.Compare(clientv3.LeaseValue(s.key(fleet.NodeKey(node))), "=", clientv3.LeaseID(l))
}

func (s *Store) key(k string) string { return s.prefix + k }

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // internal: all records can be written.
	}
	return string(b)
}
