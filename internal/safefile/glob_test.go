package safefile_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gatehouse/internal/safefile"
)

func TestGlob_theFolderIsNoPattern(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ann[x]")
	for _, name := range []string{"b.json", "a.json", "a.txt", filepath.Join("in", "c.json")} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string][]string{
		"*.json": {"a.json", "b.json"}, "*/*.json": {filepath.Join("in", "c.json")}, "x*": {}, "[": {},
	} {
		got := safefile.Glob(dir, pattern)
		for i := range want {
			want[i] = filepath.Join(dir, want[i])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
	if got := safefile.Glob(filepath.Join(dir, "none"), "*"); len(got) != 0 {
		t.Errorf("got %q in a folder that is not there, want nothing", got)
	}
}
