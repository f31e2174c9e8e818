package fleet

import (
	"bytes"
	"sync"
	"testing"

	"gatehouse/internal/fleet"
)

var sessionCases = []Case{
	{"all have the same key of sessions, whoever asks first, and no view shows it", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		keys := make([][]byte, 4)
		var all sync.WaitGroup
		for i := range keys {
			s := open()
			all.Go(func() {
				key, err := s.SessionKey(ctx(t))
				if err != nil {
					t.Errorf("got %v, want a key", err)
				}
				keys[i] = key
			})
		}
		all.Wait()
		for _, key := range keys {
			if len(key) != fleet.SessionKeyBytes || !bytes.Equal(key, keys[0]) || bytes.Equal(key, make([]byte, fleet.SessionKeyBytes)) {
				t.Errorf("got a key of %d bytes, the same as the first: %v; want %d random bytes, the same for all", len(key), bytes.Equal(key, keys[0]), fleet.SessionKeyBytes)
			}
		}
		v := eye.until("a view", func(v fleet.View) bool { return v.Revision > 0 })
		if len(v.Damaged) > 0 {
			t.Errorf("got %v in the view as what cannot be read, want nothing", v.Summary())
		}
	}},
}
