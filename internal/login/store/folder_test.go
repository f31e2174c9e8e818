package store_test

import (
	"path/filepath"
	"testing"

	"gatehouse/internal/login/store"
)

func TestList_inAFolderWhoseNameLooksLikeAPattern(t *testing.T) {
	t.Parallel()
	s := store.Open(filepath.Join(t.TempDir(), "ann[x]"))
	if err := keep(t, s, key, record("one")); err != nil {
		t.Fatal(err)
	}
	if got := s.List(); len(got) != 1 {
		t.Errorf("got %+v, want the login that is kept there", got)
	}
}
