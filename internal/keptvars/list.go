package keptvars

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/safefile"
	"gatehouse/internal/vars"
)

// maxFile is the largest file that is read here, in bytes.
const maxFile = 1 << 20

// List returns the variables of the list; none if there is no file.
func (s Store) List() ([]vars.Kept, error) {
	data, err := own(s.real())
	if err != nil {
		return nil, err
	}
	list, problems := vars.ParseKept(s.Path, data)
	for _, p := range problems {
		if p.Severity == jsondoc.Error {
			return nil, fmt.Errorf("%s; %s", p, p.Hint)
		}
	}
	return list, nil
}

// setList writes it.
func (s Store) setList(data []byte) error {
	return safefile.WriteOwn(s.real(), data)
}

// real is what the path leads to if it is a symbolic link, as gateways follow one too. A
// link that leads nowhere counts as no list, and is replaced.
func (s Store) real() string {
	if info, err := os.Lstat(s.Path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return s.Path
	}
	real, err := filepath.EvalSymlinks(s.Path)
	if err != nil {
		return s.Path
	}
	return real
}

// unused returns the items that are of no use any more, or not yet.
func (s Store) unused() ([]string, error) {
	data, err := own(s.unusedPath())
	return strings.Fields(string(data)), err
}

// setUnused writes them.
func (s Store) setUnused(items []string) error {
	if len(items) > 0 {
		return safefile.WriteOwn(s.unusedPath(), []byte(strings.Join(items, "\n")+"\n"))
	}
	if err := os.Remove(s.unusedPath()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s Store) unusedPath() string { return s.Path + ".unused" }

// own reads a file that only this user can have written; it is empty if there is none.
func own(path string) ([]byte, error) {
	data, err := safefile.ReadOwn(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) || err != nil && leadsNowhere(path) {
		return nil, nil
	}
	return data, err
}

// leadsNowhere reports whether a path is a symbolic link to nothing.
func leadsNowhere(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// index is the place of a variable in a list, -1 if it is not there.
func index(list []vars.Kept, name string) int {
	return slices.IndexFunc(list, func(k vars.Kept) bool { return k.Name == name })
}
