package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
)

func newFleetCommand() *cobra.Command {
	var o running
	var by storeOptions
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Show the gateways of a fleet, and which runs what",
		Long: `fleet asks a running gateway about its fleet: which gateways are alive, which
generation each of them decides by, and which of them runs each server that runs
once. If none runs here, or with --fleet or --fleet-store, it reads this from the
fleet's store, except what only a gateway knows, such as whom it cannot reach.

Exit code 0: all is as it should be; 1: it is not, or the gateway is not in a fleet.
A server that one gateway cannot start because it lacks a variable is named; it is a
fault only if no other gateway can start it. 3: no gateway is running, and no store
is named.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := by.reach(ctx, &o)
			if err != nil {
				return err
			}
			if gw == nil {
				f, err := fleetByStore(ctx, &by)
				if err != nil {
					return failed(err)
				}
				return showFleet(cmd.OutOrStdout(), f, o.asJSON, time.Now())
			}
			st, err := gw.Client.Status(ctx)
			if err != nil {
				return asked(ctx, gw.Client, err)
			}
			if st.Fleet == nil {
				return failed(errNoFleet)
			}
			return showFleet(cmd.OutOrStdout(), *st.Fleet, o.asJSON, time.Now())
		},
	}
	o.register(cmd, "print it as JSON, as in the status")
	by.register(cmd.Flags())
	return cmd
}

// fleetByStore is what the store of a fleet says of it.
func fleetByStore(ctx context.Context, by *storeOptions) (admin.Fleet, error) {
	store, err := by.open(ctx)
	if err != nil {
		return admin.Fleet{}, err
	}
	defer store.Close()
	v, err := firstView(ctx, store)
	return fleetOf(by.fleet.name, v), err
}

// showFleet writes what is known of a fleet. The error says that it is not as it should
// be, without a text: that has been written.
func showFleet(w io.Writer, f admin.Fleet, asJSON bool, now time.Time) error {
	if asJSON {
		if err := writeJSON(w, f); err != nil {
			return err
		}
	} else if _, err := io.WriteString(w, fleetText(f, now)); err != nil {
		return failed(err)
	}
	if !f.Well() {
		return &exitError{code: 1}
	}
	return nil
}

// fleetText is a fleet for people.
func fleetText(f admin.Fleet, now time.Time) string {
	var b strings.Builder
	fmt.Fprintln(&b, line(f.String()))
	fmt.Fprintln(&b)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tADDRESS\tVERSION\tUP\tGENERATION\tSERVERS")
	for _, n := range f.Nodes {
		var runs []string
		for _, server := range slices.Sorted(maps.Keys(f.Owners)) {
			if f.Owners[server] == n.ID {
				runs = append(runs, line(server))
			}
		}
		generation := strconv.FormatUint(n.Generation, 10)
		if n.Leaving {
			generation += " (leaves)"
		}
		if n.Behind {
			generation += " (cannot follow)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", line(n.ID), line(n.Address), line(n.Version), age(now.Sub(n.Since)), generation, orNone(strings.Join(runs, ", ")))
	}
	_ = t.Flush() // Into memory.
	if text := nobodyText(f); text != "" {
		fmt.Fprintln(&b, text)
	}
	for _, what := range f.Damaged {
		fmt.Fprintln(&b, "cannot be read:", line(what))
	}
	return b.String()
}
