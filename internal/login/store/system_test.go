package store_test

import (
	"strings"
	"testing"

	"gatehouse/internal/login/store"
)

// The library panics when the session bus ends while the keyring asks for its password, as
// at a logout.
func TestSystem_libraryThatPanics_isAnError(t *testing.T) {
	t.Parallel()
	signals := make(chan *struct{ name string })
	close(signals) // As the bus does when it ends.
	err := store.Guarded(func() error {
		if signal := <-signals; signal.name == "" {
			t.Error("got a signal of a bus that has ended, want a panic")
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "has the session ended?") || store.Gone(err) {
		t.Errorf("got %v, want that the session may have ended", err)
	}
}
