package filewatch

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// maxLinks is how many symbolic links one path may lead through; the kernel
// of Linux gives up at the same number.
const maxLinks = 40

// survey is what must be watched for a set of files, as the file system is
// right now.
type survey struct {
	// dirs are the real directories to watch, sorted.
	dirs []string
	// concerns says which of the files an event with this path is about.
	concerns map[string][]string
}

// takeSurvey finds what must be watched to notice changes of the files.
func takeSurvey(files []string) survey {
	s := survey{concerns: map[string][]string{}}
	dirs := map[string]bool{}
	for _, file := range files {
		for _, entry := range trail(file) {
			dir := filepath.Dir(entry)
			s.add(entry, file)
			s.add(dir, file) // A watched directory tells of its own end.
			dirs[dir] = true
		}
	}
	s.dirs = slices.Sorted(maps.Keys(dirs))
	return s
}

func (s survey) add(entry, file string) {
	k := eventKey(entry)
	if !slices.Contains(s.concerns[k], file) {
		s.concerns[k] = append(s.concerns[k], file)
	}
}

func (s survey) equal(o survey) bool {
	return slices.Equal(s.dirs, o.dirs) && maps.EqualFunc(s.concerns, o.concerns, slices.Equal)
}

// eventKey makes paths comparable with those in events.
func eventKey(path string) string {
	path = filepath.Clean(path)
	if runtime.GOOS == "windows" {
		return strings.ToLower(path)
	}
	return path
}

// trail lists the directory entries that decide what file leads to: every
// symbolic link on the way, and at last the file itself, or the first entry
// that is missing. All are given by the real path of their directory.
func trail(file string) []string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil // The working directory is gone; the poll will see when it is back.
	}
	var entries []string
	at, rest := split(abs)
	for links := 0; len(rest) > 0 && links <= maxLinks; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = filepath.Dir(at) // Right, as there are no links in at.
			continue
		}
		entry := filepath.Join(at, name)
		info, err := os.Lstat(entry)
		switch {
		case err != nil:
			return append(entries, entry)
		case info.Mode()&os.ModeSymlink != 0:
			entries = append(entries, entry)
			links++
			target, err := os.Readlink(entry)
			if err != nil {
				return entries
			}
			if filepath.IsAbs(target) {
				at, target = root(target)
			}
			rest = append(names(target), rest...)
		case len(rest) == 0:
			return append(entries, entry)
		default:
			at = entry
		}
	}
	return entries
}

// split cuts an absolute path into its root and the names below that.
func split(abs string) (at string, below []string) {
	top, path := root(abs)
	return top, names(path)
}

func root(abs string) (top, path string) {
	volume := filepath.VolumeName(abs)
	return volume + string(filepath.Separator), abs[len(volume):]
}

// names lists the names in a relative path, without empty ones and dots.
func names(path string) []string {
	all := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == filepath.Separator })
	return slices.DeleteFunc(all, func(name string) bool { return name == "." })
}
