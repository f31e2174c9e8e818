package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"gatehouse/internal/clients"
	"gatehouse/internal/safefile"
)

// entryCopies are the program's other files that have an entry: somebody has copied it
// there. What is a project's is not looked at. doubts say where an entry may be besides.
func (t *target) entryCopies() (list []*target, doubts []string, err error) {
	place, err := clientPlace()
	if err != nil {
		return nil, nil, err
	}
	var files []string
	for _, f := range t.client.Files(place) {
		if f.Base != "" || slices.ContainsFunc(files, func(path string) bool { return sameFile(path, f.Path) }) {
			continue
		}
		files = append(files, f.Path)
		data, err := safefile.Read(f.Path, clients.MaxFileBytes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			doubts = append(doubts, doubtOf(f.Path, err))
		case t.client.Connected(f.Path, data):
			if sameFile(t.path, f.Path) {
				continue
			}
			if !t.client.Ours(f, data) {
				doubts = append(doubts, fmt.Sprintf("%q in %s starts something else: it stays", clients.EntryName, f.Path))
				continue
			}
			list = append(list, &target{client: t.client, path: f.Path, existed: true, now: data})
		case bytes.Contains(data, []byte(clients.EntryName)):
			if doc, problems := clients.Document(f.Path, data); doc == nil && len(problems) > 0 {
				doubts = append(doubts, doubtOf(f.Path, fmt.Errorf("line %d: %s", problems[0].Line, problems[0].Message)))
			}
		}
	}
	return list, doubts, nil
}

func doubtOf(path string, err error) string {
	return fmt.Sprintf("cannot tell whether gatehouse is in %s: %v; if it is, remove it by hand", path, err)
}

// takeOutCopy removes a copy of the entry, or shows what would change. What the file was
// is kept at a place.
func (t *target) takeOutCopy(out io.Writer, dryRun bool, kept string) error {
	after, _ := t.client.Disconnect(t.path, t.now, nil)
	if dryRun {
		t.show(out, after)
		return nil
	}
	if err := t.unchanged(); err != nil {
		return err
	}
	if err := safefile.WriteOwn(kept, t.now); err != nil {
		return err
	}
	if err := t.write(after); err != nil {
		return err
	}
	fmt.Fprintf(out, "The entry of %s is removed from %s, too. What that was before is kept in %s; remove it if you miss nothing.\n",
		t.client.Title, line(t.path), line(kept))
	return nil
}

// placeBeside is where another file of the program can be kept: at no place that the
// connection's own file has, or may still get.
func (t *target) placeBeside(data []byte) string {
	for n := 2; ; n++ {
		path := filepath.Join(connectionsFolder(), fmt.Sprintf("%s-%d.backup", t.client.ID, n))
		if t.recorded() && path == t.backupPath() {
			continue
		}
		there, err := safefile.ReadOwn(path, clients.MaxFileBytes)
		if err == nil && bytes.Equal(there, data) || errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
}

// takeOutAll takes gatehouse out of a program's files. It reports whether it was in any.
func (t *target) takeOutAll(out, errs io.Writer, dryRun bool) (found bool, err error) {
	copies, doubts, err := t.entryCopies()
	failures := []error{err}
	if t.connected() || t.recorded() {
		found = true
		failures = append(failures, t.takeOut(out, dryRun))
	}
	for _, c := range copies {
		found = true
		failures = append(failures, c.takeOutCopy(out, dryRun, t.placeBeside(c.now)))
	}
	for _, d := range doubts {
		fmt.Fprintf(errs, "gatehouse: %s\n", line(d))
	}
	return found, errors.Join(failures...)
}
