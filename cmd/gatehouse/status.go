package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/terminal"
)

// statusOptions are the flags of status.
type statusOptions struct {
	running

	color *colorOption
	watch bool
	all   bool
	every time.Duration
}

func newStatusCommand(color *colorOption) *cobra.Command {
	o := statusOptions{color: color}
	cmd := &cobra.Command{
		Use:   "status [SERVER]",
		Short: "Show the running gateway and its servers, or all about one server",
		Long: `status shows the running gateway: its servers, those in trouble first, then files,
recent reloads and losses. CALLS and ERRORS count from the gateway's start, P50 and
P99 are the longest that half of the calls and 99 of 100 took, and BUSY is the number
of running calls. On a terminal the page fits the screen; --all shows every line.

With a SERVER it shows that one: its command as in the file, its folder, the names
of its variables, its last output, what happened to it, and when it is tried next.

--watch refreshes the page every second, in place on a terminal, until you interrupt
it or the gateway ends. Exit code 0: a gateway is running; 1: there is no such
server; 3: no gateway is running.`,
		ValidArgsFunction: completeServer,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.every < 10*time.Millisecond {
				return fmt.Errorf("--interval is %s: use at least 10ms", o.every)
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			return o.show(ctx, cmd.OutOrStdout(), gw, strings.Join(args, ""))
		},
	}
	o.register(cmd, "print the whole status as JSON; docs/OPERATIONS.md describes it")
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again and again")
	cmd.Flags().BoolVarP(&o.all, "all", "a", false, "show every line, even if they do not fit the terminal")
	cmd.Flags().DurationVar(&o.every, "interval", time.Second, "how often --watch shows it")
	return cmd
}

// show writes the status, or with --watch one after the other until ctx ends,
// which is fine, or the gateway does.
func (o *statusOptions) show(ctx context.Context, w io.Writer, gw admin.Found, server string) error {
	ask := func() (any, error) { return gw.Client.Status(ctx) }
	if server != "" {
		ask = func() (any, error) { return gw.Client.Server(ctx, server) }
	}
	_, isTerminal := terminal.Of(w)
	inPlace := isTerminal && o.watch && !o.asJSON
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	if inPlace {
		if err := terminal.Draw(w, "\x1b[2J"); err != nil {
			return failed(err)
		}
	}
	for {
		answer, err := ask()
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return asked(ctx, gw.Client, err)
		}
		if err := o.frame(w, answer, inPlace); err != nil || !o.watch {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// frame writes one status: over the one before it, or after it where nothing
// can be drawn over.
func (o *statusOptions) frame(w io.Writer, answer any, inPlace bool) error {
	if o.asJSON {
		return writeJSON(w, answer)
	}
	text := o.text(w, answer)
	switch {
	case inPlace:
		text = "\x1b[H" + strings.ReplaceAll(text, "\n", "\x1b[K\n") + "\x1b[J"
	case o.watch:
		text += "\n"
	}
	if err := terminal.Draw(w, text); err != nil { // One write, so that nothing flickers.
		return failed(err)
	}
	return nil
}

// text is a status for people, as large as the terminal that w may be.
func (o *statusOptions) text(w io.Writer, answer any) string {
	d, server := answer.(admin.ServerDetail)
	size, isTerminal := terminal.Of(w)
	if isTerminal && size.Columns <= 0 {
		size = terminal.Size{Columns: 80, Rows: 24} // It does not know its size.
	}
	if o.all {
		size.Rows = 0
	}
	p := page{size: size, now: time.Now(), colors: o.color.colors(isTerminal), drawn: o.watch}
	if server {
		return p.server(d)
	}
	return p.status(answer.(admin.Status)) //nolint:forcetypeassert // There are only these two.
}
