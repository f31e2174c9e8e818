package toolbook_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/terminal"
	"gatehouse/internal/toolbook"
)

// FuzzOpen reads any file of definitions: whatever it says, a list is noted, and
// nothing has changed in the same list.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"f":{"tools":{"read":"{\"description\":\"x\"}"},"at":"2026-01-01T00:00:00Z"}}`), "y")
	f.Add([]byte(`{"f":{"tools":{"gone":"sha256:00"},"total":18446744073709551615}}`), "")
	f.Add([]byte(`{"f":null}`), "\x1b[31m")
	f.Fuzz(func(t *testing.T, content []byte, words string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tools.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		b := toolbook.Open(dir, terminal.Line)
		defer b.Wait()
		for _, c := range b.Note("f", list("read", words), now) {
			if got := terminal.Line(c.Words); got != c.Words {
				t.Errorf("%q: got %q to show, want %q", content, c.Words, got)
			}
		}
		if got := b.Note("f", list("read", words), now); got != nil {
			t.Errorf("%q: got %v for the same list, want none", content, said(got))
		}
	})
}
