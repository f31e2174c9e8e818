//go:build unix

package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/login/store"
)

// Where others may write to the folder, they may have put a link in place of a lock.
func TestStore_aLockThatIsALink_makesNoFileElsewhere(t *testing.T) {
	t.Parallel()
	dir, elsewhere := filepath.Join(t.TempDir(), "c"), filepath.Join(t.TempDir(), "made")
	s := store.Open(dir)
	if err := keep(t, s, key, record("one")); err != nil {
		t.Fatal(err)
	}
	locks, err := filepath.Glob(filepath.Join(dir, "*.lock"))
	if err != nil || len(locks) != 1 {
		t.Fatalf("got %v and %v, want one lock", locks, err)
	}
	if err := os.Remove(locks[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, locks[0]); err != nil {
		t.Fatal(err)
	}
	_ = keep(t, s, key, record("two"))
	if _, err := os.Lstat(elsewhere); err == nil {
		t.Error("a file was made behind the link, want none")
	}
}
