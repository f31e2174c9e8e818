package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/terminal"
)

func newStatusCommand() *cobra.Command {
	var o running
	var watch bool
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the running gateway: its servers, files, last reloads, losses",
		Long: `status shows the running gateway and its servers. With --watch it does so every
second, in place on a terminal, until it is interrupted or the gateway ends.
Exit code 0: it runs; 3: none is running.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 10*time.Millisecond {
				return fmt.Errorf("--interval is %s: use at least 10ms", every)
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			if watch {
				return watchStatus(ctx, gw, cmd.OutOrStdout(), o.asJSON, every)
			}
			return showStatus(cmd.OutOrStdout(), gw.Status, o.asJSON)
		},
	}
	o.register(cmd, "print the whole status as JSON; docs/OPERATIONS.md describes it")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again and again")
	cmd.Flags().DurationVar(&every, "interval", time.Second, "how often --watch shows it")
	return cmd
}

func showStatus(w io.Writer, st admin.Status, asJSON bool) error {
	if asJSON {
		return writeJSON(w, st)
	}
	_, err := io.WriteString(w, statusText(st, time.Now()))
	return err
}

// watchStatus shows the status until ctx ends, which is fine, or the gateway
// does.
func watchStatus(ctx context.Context, gw admin.Found, w io.Writer, asJSON bool, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	_, isTerminal := terminal.Of(w)
	inPlace := isTerminal && !asJSON
	if inPlace {
		fmt.Fprint(w, "\x1b[2J")
	}
	for st := gw.Status; ; {
		if err := showFrame(w, st, asJSON, inPlace); err != nil {
			return failed(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		if st, err = gw.Client.Status(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return asked(ctx, gw.Client, err)
		}
	}
}

// showFrame draws over the frame before it, or after it where nothing can be
// drawn over.
func showFrame(w io.Writer, st admin.Status, asJSON, inPlace bool) error {
	if asJSON {
		return showStatus(w, st, true)
	}
	text := statusText(st, time.Now())
	if !inPlace {
		text += "\n"
	} else {
		text = "\x1b[H" + strings.ReplaceAll(text, "\n", "\x1b[K\n") + "\x1b[J"
	}
	_, err := io.Copy(w, bytes.NewReader([]byte(text))) // One write, so that nothing flickers.
	return err
}
