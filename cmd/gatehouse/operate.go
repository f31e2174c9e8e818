package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
)

// running says which running gateway a command asks.
type running struct {
	pid    int
	asJSON bool
}

func (o *running) register(cmd *cobra.Command, jsonText string) {
	cmd.Flags().IntVar(&o.pid, "pid", 0, "the process id of the gateway, if several run")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, jsonText)
}

// connect finds the one gateway that is meant.
func (o *running) connect(ctx context.Context) (admin.Found, error) {
	found, silent := admin.Find(ctx, adminDirs())
	if o.pid != 0 {
		for _, f := range found {
			if f.Status.PID == o.pid {
				return f, nil
			}
		}
		if len(found) > 0 {
			return admin.Found{}, &exitError{exitNone, fmt.Errorf("no gateway with process id %d is running; there are:\n%s", o.pid, listGateways(found))}
		}
	}
	switch len(found) {
	case 0:
		if len(silent) > 0 {
			return admin.Found{}, failed(fmt.Errorf("a gateway is running but does not answer at %s", strings.Join(silent, ", ")))
		}
		return admin.Found{}, &exitError{exitNone, errors.New("no gateway is running; \"gatehouse run\" starts one, and so does a client with \"gatehouse attach\"")}
	case 1:
		return found[0], nil
	}
	return admin.Found{}, fmt.Errorf("several gateways are running; say which one with --pid:\n%s", listGateways(found))
}

// listGateways tells gateways apart: by how agents reach them, whom they are
// pinned to, who called, and their files.
func listGateways(found []admin.Found) string {
	var rows []string
	for _, f := range found {
		st := f.Status
		rows = append(rows, fmt.Sprintf("  --pid %d  %s  up %s", st.PID, line(whoseIs(st)), age(time.Duration(st.UptimeMS)*time.Millisecond)))
		for _, file := range st.Files {
			rows = append(rows, fmt.Sprintf("      %-8s %s", line(file.Role), line(file.Path)))
		}
	}
	return strings.Join(rows, "\n")
}

// reachedAt says how agents reach a gateway.
func reachedAt(st admin.Status) string {
	if st.Address != "" {
		return st.Address
	}
	return st.Transport
}

// asked words the error of a request to a gateway. A refusal is the answer
// "no"; a gateway that has gone counts as none.
func asked(ctx context.Context, c *admin.Client, err error) error {
	if err == nil {
		return nil
	}
	if _, refused := errors.AsType[*admin.Error](err); refused || ctx.Err() != nil {
		return failed(errors.New(lines(forPeople(err.Error()))))
	}
	if _, gone := c.Status(ctx); gone != nil {
		return &exitError{exitNone, errors.New("no gateway is running: it has ended meanwhile")}
	}
	return failed(errors.New(lines(forPeople(err.Error()))))
}

// interruptible ends a command's context with SIGINT and SIGTERM.
func interruptible(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

func newRestartCommand() *cobra.Command {
	return restartsGateway(awaitsReady(actionCommand(admin.Restart, &cobra.Command{
		Use:   "restart [SERVER]",
		Short: "Give a server of the running gateway a new process; no call is lost",
		Long: `restart gives one server a new process (or connection). Running calls finish on the
old one, within its drain_timeout_ms; later calls wait for the new one. restart
returns when that is ready, or after startup_timeout_ms. Exit code 0: it is ready,
or starts with its next call; 1: it is not ready.

--gateway replaces the gateway itself: the new one has the flags of the old one, and
this command's version of the program. Running calls finish on the old one, within
its --shutdown-timeout; later calls go to the new one.`,
	})))
}

func newReleaseCommand() *cobra.Command {
	var hold admin.Hold
	cmd := actionCommandWith(admin.Release, &hold, &cobra.Command{
		Use:   "release SERVER",
		Short: "End a hold or a block, or retry a quarantined server at once",
		Long: `release ends a hold. It also starts a server that is quarantined, needs auth or is
backing off again, and forgets its earlier failures. A healthy server goes on, and
callers that were blocked because their calls crashed it are let in again.

In a fleet, a server does not start while another gateway says that it still runs
there; "gatehouse fleet" shows who waits for whom. With --from NODE, SERVER stops
waiting for that gateway, this once. If it does still run there, there are two
copies, so first make sure that its processes have ended. Better, if you can, stop
that gateway: then nobody waits for it.`,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("from") && hold.From == "" {
				return errors.New("--from is empty: it takes a gateway that \"gatehouse fleet\" shows")
			}
			return nil
		},
	})
	cmd.Flags().StringVar(&hold.From, "from", "", "start it even though this gateway of the fleet may still run it; risks two copies")
	return cmd
}

func newHoldCommand() *cobra.Command {
	var hold admin.Hold
	var span time.Duration
	cmd := actionCommandWith(admin.HoldServer, &hold, &cobra.Command{
		Use:   "hold SERVER",
		Short: "Stop a server and keep it stopped, over reloads too, until it is released",
		Long: `hold stops one server once its running calls have ended; new calls are refused
with the reason. It lasts until "gatehouse release SERVER", or as long as --for
says, but not longer than the gateway itself.`,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("for") && span < time.Millisecond {
				return fmt.Errorf("--for is %s: use at least 1ms", span)
			}
			hold.ForMS = span.Milliseconds()
			return nil
		},
	})
	cmd.Flags().DurationVar(&span, "for", 0, "how long, such as 30m (default: until it is released)")
	cmd.Flags().StringVar(&hold.Why, "reason", "", "what agents and operators are told")
	return cmd
}

func actionCommand(action admin.Action, cmd *cobra.Command) *cobra.Command {
	return actionCommandWith(action, &admin.Hold{}, cmd)
}

func actionCommandWith(action admin.Action, hold *admin.Hold, cmd *cobra.Command) *cobra.Command {
	var o running
	cmd.ValidArgsFunction = completeServer
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := interruptible(cmd)
		defer stop()
		gw, err := o.connect(ctx)
		if err != nil {
			return err
		}
		did, err := gw.Client.Operate(ctx, action, args[0], *hold)
		if err != nil {
			return asked(ctx, gw.Client, err)
		}
		done := operated{Operated: did}
		if err := done.await(ctx, gw.Client, cmd); err != nil {
			return err
		}
		return done.print(cmd.OutOrStdout(), o.asJSON)
	}
	o.register(cmd, `print {"server", "action", "generation", "note", "state", "reason"}`)
	return cmd
}
