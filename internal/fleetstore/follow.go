package fleetstore

import (
	"context"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleet"
)

// follower is one Follow: what it has seen so far, and that it must read all again.
type follower struct {
	mu       sync.Mutex
	again    bool   // all is to be read again
	stop     func() // ends the watch, if there is one
	store    uint64
	revision int64
	written  map[string]int64 // by key: the revision of its value
	doubts   int              // how many checks in a row have found something else
}

// Follow implements fleet.Store.
func (s *Store) Follow(ctx context.Context, hear func(fleet.View)) error {
	f := &follower{}
	defer s.check.add(f)()
	var checks sync.WaitGroup
	checks.Go(func() { s.keepChecking(ctx) })
	defer checks.Wait()
	for ctx.Err() == nil {
		board, err := s.readAll(ctx, f)
		if err != nil {
			pause(ctx, time.Second)
			continue
		}
		hear(board.View())
		s.watch(ctx, f, board, hear)
		pause(ctx, breath) // So that nothing makes this a loop without a pause.
	}
	return context.Cause(ctx)
}

// readAll reads all that there is.
func (s *Store) readAll(ctx context.Context, f *follower) (board *fleet.Board, err error) {
	f.wished() // This is what was wished for.
	err = s.ask(ctx, func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Get(ctx, s.prefix, clientv3.WithPrefix())
		if err != nil {
			return err
		}
		entries := s.entries(got.Kvs)
		f.restart(got.Header.ClusterId, got.Header.Revision, entries)
		board = fleet.NewBoard(got.Header.ClusterId, got.Header.Revision, entries)
		return nil
	})
	return board, err
}

// watch hears of changes from one member until there is trouble, another member is to
// be asked, or all must be read again.
func (s *Store) watch(ctx context.Context, f *follower, board *fleet.Board, hear func(fleet.View)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.endBy(cancel) // Opening a watch waits for the member as well.
	at := s.current.Load()
	changes := s.members[at].client.Watch(
		clientv3.WithRequireLeader(ctx), s.prefix,
		clientv3.WithPrefix(), clientv3.WithRev(board.View().Revision+1), clientv3.WithFragment(),
	)
	for news := range changes { // It is closed once ctx has ended.
		switch {
		case ctx.Err() != nil || news.CompactRevision != 0:
			return
		case news.Err() != nil:
			s.turnFrom(at)
			return
		case len(news.Events) > 0:
			entries := s.changes(news.Events)
			f.take(entries)
			board.Apply(entries[len(entries)-1].Modified, entries)
			hear(board.View())
		}
	}
}

func (s *Store) entries(kvs []*mvccpb.KeyValue) []fleet.Entry {
	all := make([]fleet.Entry, 0, len(kvs))
	for _, kv := range kvs {
		all = append(all, s.entry(kv))
	}
	return all
}

func (s *Store) changes(events []*clientv3.Event) []fleet.Entry {
	all := make([]fleet.Entry, 0, len(events))
	for _, e := range events {
		entry := s.entry(e.Kv)
		entry.Deleted = e.Type == clientv3.EventTypeDelete
		all = append(all, entry)
	}
	return all
}

func (s *Store) entry(kv *mvccpb.KeyValue) fleet.Entry {
	return fleet.Entry{Key: string(kv.Key[len(s.prefix):]), Value: kv.Value, Created: kv.CreateRevision, Modified: kv.ModRevision, Lease: fleet.Lease(kv.Lease)}
}

// restart forgets what was seen, for all that there is now.
func (f *follower) restart(store uint64, revision int64, entries []fleet.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store, f.revision, f.doubts, f.written = store, revision, 0, make(map[string]int64, len(entries))
	for _, e := range entries {
		f.written[e.Key] = e.Modified
	}
}

func (f *follower) take(entries []fleet.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		f.written[e.Key] = e.Modified
		if e.Deleted {
			delete(f.written, e.Key)
		}
		f.revision = max(f.revision, e.Modified)
	}
}

// endBy says how the watch that is about to begin is ended.
func (f *follower) endBy(stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop = stop
	if f.again {
		stop()
	}
}

// wished takes the wish to read all again away.
func (f *follower) wished() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.again, f.stop = false, nil
}

// readAgain has all read again, and the watch ended. It does not block.
func (f *follower) readAgain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mustRead()
}

// mustRead is readAgain for who holds mu.
func (f *follower) mustRead() {
	f.again, f.doubts = true, 0
	if f.stop != nil {
		f.stop()
	}
}
