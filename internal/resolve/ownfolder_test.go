package resolve_test

import (
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/resolve"
)

func TestOwnFolder_isBelowTheServersFolder_andOfOneNameOnly(t *testing.T) {
	names := []string{
		"files", "Files", "FILES", "fi les", "fi/les", `fi\les`, "..", ".", "../x", "/etc", "con", "nul.txt", "a:b", "ä", "☃", "-x",
		strings.Repeat("x", 128), strings.Repeat("x", 127) + "y", "files.", "files.d1e1f0",
	}
	seen := map[string]string{}
	for _, name := range names {
		got := resolve.OwnFolder(root, name)
		if filepath.Dir(got) != filepath.Clean(root) || len(filepath.Base(got)) > 100 {
			t.Errorf("%q: got %s, want a short name right below %s", name, got, root)
		}
		if other, taken := seen[strings.ToLower(got)]; taken {
			t.Errorf("got %s for both %q and %q, want two folders", got, name, other)
		}
		seen[strings.ToLower(got)] = name
	}
	if got, want := resolve.OwnFolder(root, "my-files_2"), filepath.Join(root, "my-files_2"); got != want {
		t.Errorf("got %s for a plain name, want %s", got, want)
	}
}
