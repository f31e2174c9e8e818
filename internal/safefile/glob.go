package safefile

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Glob lists what a pattern matches below a folder, in order, as [filepath.Glob] does;
// the name of the folder itself is no pattern. What cannot be read is left out.
func Glob(dir, pattern string) []string {
	names, _ := fs.Glob(os.DirFS(dir), pattern) // A bad pattern matches nothing.
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(dir, name)
	}
	return paths
}
