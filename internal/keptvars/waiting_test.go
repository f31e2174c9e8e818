package keptvars_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// A person who is to unlock the keyring must hear of it.
func TestSet_keyringThatIsSilent_isSaidAfter2s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t)
		var said []time.Duration
		begun := time.Now()
		s.Waiting = func() { said = append(said, time.Since(begun)) }
		check(t, s.Set("A", "one"))
		r.Hang = make(chan struct{})
		if err := s.Set("A", "two"); err == nil || len(said) != 1 || said[0] != 2*time.Second {
			t.Errorf("got %v, said after %v; want it said once, after 2s", err, said)
		}
		close(r.Unlock())
	})
}
