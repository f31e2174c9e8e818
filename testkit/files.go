package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// A Writer puts content into a file in one of the ways that editors and
// deployment tools do.
type Writer func(t testing.TB, path, content string)

// Writers names every way of writing for table tests.
var Writers = map[string]Writer{
	"in place":          WriteInPlace,
	"temp and rename":   WriteAtomic,
	"delete and create": WriteDeleteCreate,
	"symlink swap":      WriteSymlinkSwap,
}

// WriteInPlace truncates the file and writes the content in two pieces, as a
// plain save does.
func WriteInPlace(t testing.TB, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	check(t, err)
	half := len(content) / 2
	for _, part := range []string{content[:half], content[half:]} {
		_, err = f.WriteString(part)
		check(t, err)
	}
	check(t, f.Close())
}

// WriteAtomic writes a temporary file beside the file and renames it over it.
func WriteAtomic(t testing.TB, path, content string) {
	t.Helper()
	tmp := path + ".tmp"
	check(t, os.WriteFile(tmp, []byte(content), 0o600))
	check(t, os.Rename(tmp, path))
}

// WriteDeleteCreate removes the file and creates it again.
func WriteDeleteCreate(t testing.TB, path, content string) {
	t.Helper()
	check(t, os.Remove(path))
	check(t, os.WriteFile(path, []byte(content), 0o600))
}

// WriteSymlinkSwap makes the file a symbolic link to a new file in a new
// folder beside it, by renaming a new link over it.
func WriteSymlinkSwap(t testing.TB, path, content string) {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(path), "swap-")
	check(t, err)
	target := filepath.Join(dir, filepath.Base(path))
	check(t, os.WriteFile(target, []byte(content), 0o600))
	link := filepath.Join(dir, "link")
	check(t, os.Symlink(target, link))
	check(t, os.Rename(link, path))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ReadFile returns a file's content as text.
func ReadFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return string(b)
}
