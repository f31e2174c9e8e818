package fleetstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleet"
)

// SessionKey implements fleet.Store.
func (s *Store) SessionKey(ctx context.Context) (key []byte, err error) {
	at, own := s.key(fleet.KeySessions), make([]byte, fleet.SessionKeyBytes)
	_, _ = rand.Read(own) // It never fails.
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		known, err := c.Get(ctx, at) // A store that is full refuses what may write.
		if err != nil {
			return err
		}
		if len(known.Kvs) > 0 {
			key = bytes.Clone(known.Kvs[0].Value)
			return nil
		}
		done, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(at), "=", 0)).
			Then(clientv3.OpPut(at, string(own)), clientv3.OpGet(at)).Else(clientv3.OpGet(at), clientv3.OpGet(at)).Commit()
		if err != nil {
			return err
		}
		key = bytes.Clone(done.Responses[1].GetResponseRange().Kvs[0].Value)
		return nil
	})
	if err == nil && len(key) != fleet.SessionKeyBytes {
		return nil, fmt.Errorf("the fleet's key of sessions (%s in etcd) has %d bytes, not %d: delete it, and the next gateway that starts makes another one", at, len(key), fleet.SessionKeyBytes)
	}
	return key, err
}
