package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/internal/clients"
)

// disconnect takes gatehouse out of one program.
func disconnect(out io.Writer, name string, dryRun bool) error {
	c, err := clientToConnect(name)
	if err != nil {
		return err
	}
	t, err := openTarget(c)
	if err != nil {
		return err
	}
	if !t.connected() {
		return errors.New(c.Title + " is not connected: there is no entry \"" + clients.EntryName + "\" in " + line(t.path))
	}
	return t.takeOut(out, dryRun)
}

// disconnectAll takes gatehouse out of every program that is connected.
func disconnectAll(out io.Writer, dryRun bool) error {
	var errs []error
	found := false
	for _, c := range clients.All() {
		if !c.CanConnect() {
			continue
		}
		t, err := openTarget(c)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot tell whether %s is connected: %w", c.Title, err))
			continue
		}
		if t.connected() {
			found = true
			errs = append(errs, t.takeOut(out, dryRun))
		}
	}
	if !found && len(errs) == 0 {
		fmt.Fprintln(out, "No program is connected.")
	}
	return errors.Join(errs...)
}

// takeOut brings the file back as it was, or shows what would change.
func (t *target) takeOut(out io.Writer, dryRun bool) error {
	after, lost := t.disconnected()
	if dryRun {
		t.secrets = secretsOf(t.client, t.path, slices.Concat(t.now, after))
		t.show(out, after)
		return nil
	}
	if err := t.disconnect(after, len(lost) > 0); err != nil {
		return err
	}
	if len(lost) > 0 {
		return fmt.Errorf("%s is disconnected, but these servers could not be put back; copy them from %s before you connect it again: %s",
			t.client.Title, line(t.backupPath()), strings.Join(lost, ", "))
	}
	fmt.Fprintf(out, "%s is as it was, in %s\n", t.client.Title, line(t.path))
	return nil
}
