package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/childproc"
)

func newOpsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ops", Short: "Work with the operators' page of the running gateway"}
	cmd.AddCommand(newOpsOpenCommand())
	return cmd
}

func newOpsOpenCommand() *cobra.Command {
	var o running
	var printOnly bool
	cmd := &cobra.Command{
		Use:   "open",
		Short: "Open the operators' page of the running gateway in your browser",
		Long: `open shows the page of a gateway started with --ops in your browser, and prints the
link. The link works once, within a minute. The browser that opens it may use the
page and its buttons for twelve hours, or until the gateway ends. With --print or
--json, or without a display (over SSH, say), open only prints the link, for any
browser that can reach the address.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			show := !printOnly && !o.asJSON && childproc.ShowsPages()
			return openPageOf(ctx, cmd, gw.Client, show, o.asJSON)
		},
	}
	cmd.Flags().BoolVar(&printOnly, "print", false, "print the link, and open no browser")
	o.register(cmd, `print {"url", "expires_ms"}, and open no browser`)
	return cmd
}

// openPageOf prints a link to a gateway's page, and shows the page if it is asked to
// and a browser can be started.
func openPageOf(ctx context.Context, cmd *cobra.Command, gw *admin.Client, show, asJSON bool) error {
	link, err := gw.OpsLink(ctx, admin.OpsLinkQuery{Here: show})
	if err != nil {
		return asked(ctx, gw, err)
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), link)
	}
	if show {
		if err := childproc.OpenBrowser(link.URL); err != nil {
			cmd.PrintErrln("No browser could be opened (" + line(err.Error()) + "). Open this link within a minute:")
			return openPageOf(ctx, cmd, gw, false, false)
		}
		cmd.PrintErrln("Your browser should show the page. If it does not, open this link in it within a minute:")
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), line(link.URL))
	return err
}
