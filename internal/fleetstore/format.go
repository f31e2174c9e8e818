package fleetstore

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleet"
)

// checkFormat returns nil if this version knows the form in which the fleet is written:
// whoever does not must neither read nor write.
func (s *Store) checkFormat(ctx context.Context) error {
	at, format := s.key(fleet.KeyFormat), 1
	err := s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		known, err := c.Get(ctx, at)
		if err != nil || len(known.Kvs) == 0 {
			return err
		}
		if format, err = fleet.ReadFormat(known.Kvs[0].Value); err != nil {
			format = 0
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("cannot read the format of the fleet %q: %w", s.config.Fleet, err)
	case format == 0:
		return fmt.Errorf("what stands under %s in etcd is not the number of a format: somebody has overwritten it. Write there what it was; it is %d if nobody has ever raised it", at, 1)
	}
	return fleet.CheckFormat(format)
}
