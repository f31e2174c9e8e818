package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
)

func newMoveCommand() *cobra.Command {
	var o running
	var by storeOptions
	cmd := &cobra.Command{
		Use:   "move SERVER [NODE]",
		Short: "Move a server that runs once to another gateway of the fleet",
		Long: `move makes another gateway of the fleet run a server that runs once: NODE, or else the
next in line. You can ask any gateway of the fleet. If none runs here, or with --fleet
or --fleet-store, move finds the server's gateway in the fleet's store and asks it over
the gateways' own port, with a certificate of the fleet such as gateways have. Running
calls finish first, within drain_timeout_ms; later calls wait, and run at the new
place. What the process remembers is lost, as at a restart. Instances for agents move
too, and start with their next call.

move returns once the server runs there, and says where. Exit code 0: it is ready, or
starts with its next call; 1: it is not ready there, or has not moved.`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeMove,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := by.reach(ctx, &o)
			if err != nil {
				return err
			}
			node := ""
			if len(args) > 1 {
				if node = args[1]; node == "" {
					return errors.New("NODE is empty: leave it out, or take one that \"gatehouse fleet\" shows")
				}
			}
			if gw == nil {
				moved, err := moveByStore(ctx, &by, args[0], node)
				if err != nil {
					return failed(err)
				}
				return showMoved(cmd, moved, o.asJSON)
			}
			moved, err := gw.Client.Move(ctx, args[0], node)
			if err != nil {
				return asked(ctx, gw.Client, err)
			}
			return showMoved(cmd, moved, o.asJSON)
		},
	}
	o.register(cmd, `print {"server", "from", "nodes", "state", "reason"}`)
	by.register(cmd.Flags())
	by.fleet.registerPeers(cmd.Flags())
	return cmd
}

// showMoved says where a server has gone. The error says that it is not ready there.
func showMoved(cmd *cobra.Command, m admin.Moved, asJSON bool) error {
	well := m.State == string(endpoint.Ready) || m.State == string(endpoint.Idle)
	text := fmt.Sprintf("%q: %s", m.Server, m)
	switch {
	case asJSON:
		if err := writeJSON(cmd.OutOrStdout(), m); err != nil || well {
			return err
		}
		return errNo
	case !well:
		return failed(fmt.Errorf("%s; \"%s\" says more", line(text), statusCommand(line(m.Server))))
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), line(text))
	return err
}

// completeMove offers servers, then the gateways of the fleet.
func completeMove(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return operands(serverNames(cmd), toComplete), cobra.ShellCompDirectiveNoFileComp
	case 1:
		return nodeNames(cmd), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
