package fleetstore

import (
	"context"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// check compares what followers have seen with what there is. Watches have lost
// changes, a member that is frozen says nothing, and one that was restored from a
// backup waits in silence for a revision that is far ahead.
type check struct {
	mu        sync.Mutex
	followers map[*follower]struct{}
	last      time.Time
}

// add has a follower checked until what it returns is called.
func (c *check) add(f *follower) (remove func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.followers == nil {
		c.followers = map[*follower]struct{}{}
	}
	c.followers[f] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.followers, f)
	}
}

// all returns the followers.
func (c *check) all() []*follower {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*follower
	for f := range c.followers {
		list = append(list, f)
	}
	return list
}

// due reports whether nobody has looked for so long, and notes that somebody does.
func (c *check) due(now time.Time, every time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.last) < every {
		return false
	}
	c.last = now
	return true
}

// keepChecking looks while nobody renews, as renewals look.
func (s *Store) keepChecking(ctx context.Context) {
	every := 2 * s.try()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if s.check.due(now, every+every/2) {
				limited, cancel := context.WithTimeout(ctx, every+2*s.try())
				_ = s.look(limited, clientv3.OpGet(s.prefix, clientv3.WithCountOnly()), nil)
				cancel()
			}
		}
	}
}

// look asks one question that all members agree on, hands the answer to judge, and
// has followers read all again if they have missed something.
func (s *Store) look(ctx context.Context, question clientv3.Op, judge func(*etcdserverpb.RangeResponse) error) error {
	s.check.due(time.Now(), 0)
	before := map[*follower]seen{}
	for _, f := range s.check.all() {
		before[f] = f.seen()
	}
	return s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Txn(ctx).Then(
			question,
			clientv3.OpGet(s.prefix, clientv3.WithPrefix(), clientv3.WithCountOnly()),
			clientv3.OpGet(s.prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(1),
				clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortDescend)),
		).Commit()
		if err != nil {
			return err
		}
		is := seen{store: got.Header.ClusterId, revision: got.Header.Revision, keys: int(got.Responses[1].GetResponseRange().Count)}
		if kvs := got.Responses[2].GetResponseRange().Kvs; len(kvs) > 0 {
			is.latest = kvs[0].ModRevision
		}
		for f, was := range before {
			f.compare(was, is)
		}
		if judge == nil {
			return nil
		}
		return judge(got.Responses[0].GetResponseRange())
	})
}

// seen is an outline of what a follower has seen, or of what there is.
type seen struct {
	store    uint64
	revision int64
	keys     int
	latest   int64 // the latest revision that wrote one of the keys
}

func (f *follower) seen() seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := seen{store: f.store, revision: f.revision, keys: len(f.written)}
	for _, written := range f.written {
		s.latest = max(s.latest, written)
	}
	return s
}

// compare has all read again if the store is another one than before the question, or
// if twice in a row there was something else than this follower has seen.
func (f *follower) compare(before, is seen) {
	if before.store == 0 {
		return // It has seen nothing yet.
	}
	now := f.seen()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case is.store != before.store || is.revision < before.revision:
		f.mustRead()
	case now.revision > is.revision, now.keys == is.keys && now.latest == is.latest:
		f.doubts = 0
	default:
		if f.doubts++; f.doubts > 1 {
			f.mustRead()
		}
	}
}
