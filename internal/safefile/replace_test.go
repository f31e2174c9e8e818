package safefile_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/safefile"
)

// A process that is killed while it writes leaves its draft, which can hold secrets.
// Whoever writes the file next removes it, and nothing that could be somebody else's.
func TestReplace_removesDraftsOfKilledWriters(t *testing.T) {
	for name, write := range map[string]func(string, []byte) error{
		"Replace": safefile.Replace, "WriteOwn": safefile.WriteOwn, "ReplaceOwn": safefile.ReplaceOwn, "Rewrite": safefile.Rewrite,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			long := time.Now().Add(-time.Hour)
			for _, old := range []string{"f", ".f.gatehouse-1", ".f.1", ".f.tmp", ".g.gatehouse-1", "f.gatehouse-1"} {
				path := filepath.Join(dir, old)
				if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, long, long); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, ".f.gatehouse-2"), nil, 0o600); err != nil { // Somebody writes it now.
				t.Fatal(err)
			}
			if err := write(filepath.Join(dir, "f"), []byte("new")); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, e := range entries {
				got = append(got, e.Name())
			}
			if want := []string{".f.1", ".f.gatehouse-2", ".f.tmp", ".g.gatehouse-1", "f", "f.gatehouse-1"}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
