package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"gatehouse/internal/clients"
	"gatehouse/internal/safefile"
)

// entryCopies are the program's other files that have an entry: somebody has copied it
// there. What is a project's is not looked at, nor what cannot be read.
func (t *target) entryCopies() (list []*target, err error) {
	place, err := clientPlace()
	if err != nil {
		return nil, err
	}
	for _, f := range t.client.Files(place) {
		seen := func(earlier *target) bool { return sameFile(earlier.path, f.Path) }
		if f.Base != "" || seen(t) || slices.ContainsFunc(list, seen) {
			continue
		}
		if data, err := safefile.Read(f.Path, clients.MaxFileBytes); err == nil && t.client.Connected(f.Path, data) {
			list = append(list, &target{client: t.client, path: f.Path, existed: true, now: data})
		}
	}
	return list, nil
}

// takeOutCopy removes a copy of the entry, or shows what would change.
func (t *target) takeOutCopy(out io.Writer, dryRun bool) error {
	after, _ := t.client.Disconnect(t.path, t.now, nil)
	if dryRun {
		t.show(out, after)
		return nil
	}
	if err := t.write(after); err != nil {
		return err
	}
	fmt.Fprintf(out, "The entry of %s is removed from %s, too\n", t.client.Title, line(t.path))
	return nil
}

// takeOutAll takes gatehouse out of a program's files. It reports whether it was in any.
func (t *target) takeOutAll(out io.Writer, dryRun bool) (found bool, err error) {
	var errs []error
	if t.connected() || t.recorded() {
		found = true
		errs = append(errs, t.takeOut(out, dryRun))
	}
	copies, err := t.entryCopies()
	errs = append(errs, err)
	for _, c := range copies {
		found = true
		errs = append(errs, c.takeOutCopy(out, dryRun))
	}
	return found, errors.Join(errs...)
}
