package safefile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Replace replaces the file at path in one step by one with mode 0600, and makes
// its folder, mode 0700, if there is none. It is for what may be lost with the
// machine's power: nothing waits until the disk has it.
func Replace(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make a folder for %s: %w", path, err)
	}
	return replace(path, data, func(*os.File) error { return nil })
}

// replace writes a draft beside the file, settles it, and gives it the name. Then it
// removes drafts of this file that killed processes have left: they can hold secrets.
func replace(path string, data []byte, settle func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), draftsOf(path)+"*") // Its mode is 0600.
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = cmp.Or(err, settle(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	sweepDrafts(path)
	return nil
}

// draftsOf begins the names of a file's drafts. Nobody else's begin like that, also
// in a folder of another program.
func draftsOf(path string) string { return "." + filepath.Base(path) + ".gatehouse-" }

const (
	// draftAge is how old a draft is that was left behind: writing one takes less.
	draftAge = 10 * time.Minute
	// maxNames is how many names of a folder are read to find drafts.
	maxNames = 10_000
)

func sweepDrafts(path string) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()     // It was only read.
	names, _ := dir.Readdirnames(maxNames) // What was read counts.
	for _, name := range names {
		if !strings.HasPrefix(name, draftsOf(path)) {
			continue
		}
		draft := filepath.Join(filepath.Dir(path), name)
		if info, err := os.Lstat(draft); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > draftAge {
			_ = os.Remove(draft) // The next writer tries again.
		}
	}
}

// Rewrite replaces the file at path in one step, and keeps its mode and, if the
// path is a symbolic link, the link: what it leads to is replaced. A file that is
// not there yet gets mode 0600, and its folder, if it is made, 0700.
func Rewrite(path string, data []byte) error {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, linkErr := os.Lstat(path); linkErr == nil {
			return fmt.Errorf("cannot write %s: it is a link to nothing", path)
		}
		return Replace(path, data)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return &NotRegular{Path: path, Kind: kind(info.Mode())}
	}
	return replace(real, data, func(f *os.File) error { return cmp.Or(f.Chmod(info.Mode().Perm()), f.Sync()) })
}
