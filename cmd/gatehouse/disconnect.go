package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/clients"
)

func newDisconnectCommand() *cobra.Command {
	var dryRun, all bool
	cmd := &cobra.Command{
		Use:   "disconnect [PROGRAM]",
		Short: "Remove gatehouse from a program's configuration, and restore what was there",
		Long: `disconnect restores the file as it was before "gatehouse connect", byte for byte. If
the file has changed since, it removes only the entry, and puts back what --replace
removed. Copies of the entry in the program's other files go, too, and what those files
were is kept; those in a project's files stay.`,
		Example: `  gatehouse disconnect cursor     Cursor is as it was
  gatehouse disconnect --all      every program is`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeConnected,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case all && len(args) > 0:
				return errors.New("--all takes no PROGRAM")
			case !all && len(args) == 0:
				return errors.New("PROGRAM is missing; usage: gatehouse disconnect PROGRAM, or gatehouse disconnect --all")
			}
			err := notBehindAGateway()
			work := func() error { return disconnectAll(cmd.OutOrStdout(), cmd.ErrOrStderr(), dryRun) }
			if !all {
				work = func() error { return disconnect(cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], dryRun) }
			}
			if err == nil {
				err = oneByOne(cmd.Context(), cmd.ErrOrStderr(), dryRun, work)
			}
			if err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().BoolVar(&all, "all", false, "every program that is connected")
	return cmd
}

// completeConnected offers the programs that disconnect has something to do with.
func completeConnected(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return programNames(args, func(c *clients.Client) bool {
		if !c.CanConnect() {
			return false
		}
		t, err := openTarget(c)
		if err != nil {
			return false
		}
		copies, _, _ := t.entryCopies() // An error means that there are none to be seen.
		return t.connected() || t.recorded() || len(copies) > 0
	})
}

// disconnect takes gatehouse out of one program.
func disconnect(out, errs io.Writer, name string, dryRun bool) error {
	c, err := clientToConnect(name)
	if err != nil {
		return err
	}
	t, err := openTarget(c)
	if err != nil {
		return err
	}
	found, err := t.takeOutAll(out, errs, dryRun)
	if err == nil && !found {
		return errors.New(c.Title + " is not connected: there is no entry \"" + clients.EntryName + "\" in " + line(t.path))
	}
	return err
}

// disconnectAll takes gatehouse out of every program that is connected.
func disconnectAll(out, errs io.Writer, dryRun bool) error {
	var failures []error
	found := false
	for _, c := range clients.All() {
		if !c.CanConnect() {
			continue
		}
		t, err := openTarget(c)
		if err != nil {
			failures = append(failures, fmt.Errorf("cannot tell whether %s is connected: %w", c.Title, err))
			continue
		}
		here, err := t.takeOutAll(out, errs, dryRun)
		found = found || here
		failures = append(failures, err)
	}
	err := errors.Join(failures...)
	if !found && err == nil {
		fmt.Fprintln(out, "No program is connected.")
	}
	return err
}

// takeOut brings the file back as it was, or shows what would change.
func (t *target) takeOut(out io.Writer, dryRun bool) error {
	if !t.existed && t.record.Existed {
		return fmt.Errorf("%s is not connected: there is no %s any more; what it was before is kept in %s, copy it back or remove it",
			t.client.Title, line(t.path), line(t.backupPath()))
	}
	after, lost := t.disconnected()
	if dryRun {
		t.show(out, after)
		return nil
	}
	keep, doubtful, halved := len(lost) > 0 || !t.needless(after), t.doubtful(), t.halved(after)
	interrupted := t.left() && hashOf(t.now) != t.record.Left
	rest := ""
	if t.recorded() && hashOf(t.now) != t.record.Left && !t.asBefore(after) {
		rest = ", but for what has changed meanwhile"
	}
	if err := runSteps(t.disconnect(after, keep)); err != nil {
		return err
	}
	switch {
	case len(lost) > 0:
		return fmt.Errorf("%s is disconnected, but these servers could not be put back; copy them from %s: %s",
			t.client.Title, line(t.backupPath()), strings.Join(lost, ", "))
	case keep && interrupted:
		fmt.Fprintf(out, "%s is disconnected, but an earlier disconnect was interrupted, and %s has changed since%s. What the file was before is kept in %s; remove it if you miss nothing.\n",
			t.client.Title, line(t.path), line(notBack(t.missing())), line(t.backupPath()))
	case len(doubtful) > 0:
		fmt.Fprintf(out, "%s is disconnected, but a connect was interrupted, and %s has changed since%s. What the file was before is kept in %s; remove it if you miss nothing.\n",
			t.client.Title, line(t.path), line(notBack(doubtful)), line(t.backupPath()))
	case len(halved) > 0:
		fmt.Fprintf(out, "%s is disconnected, but %s was there twice, and only the last is put back. What the file was before is kept in %s; remove it if you miss nothing.\n",
			t.client.Title, namesInFile(halved), line(t.backupPath()))
	case keep:
		fmt.Fprintf(out, "%s is disconnected: somebody else has removed the entry from %s. What the file was before is kept in %s; remove it if you miss nothing.\n",
			t.client.Title, line(t.path), line(t.backupPath()))
	default:
		fmt.Fprintf(out, "%s is as it was%s, in %s\n", t.client.Title, rest, line(t.path))
	}
	return nil
}

// notBack names the servers that were not put back, if there are any.
func notBack(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": these servers are not put back, as somebody else may have removed them: " + strings.Join(names, ", ")
}
