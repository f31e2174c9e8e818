package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/attach"
	"gatehouse/internal/plural"
)

// restartsGateway adds the flag by which restart replaces the gateway itself.
func restartsGateway(cmd *cobra.Command) *cobra.Command {
	var itself bool
	cmd.Flags().BoolVar(&itself, "gateway", false, "replace the gateway itself, if attach started it, with this version; sessions go on")
	restartServer := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case itself && len(args) > 0:
			return errors.New("--gateway takes no server: it replaces the gateway, and all servers get new processes")
		case itself:
			return restartGateway(cmd)
		case len(args) == 0:
			return fmt.Errorf("SERVER is missing; usage: %s SERVER, or %[1]s --gateway", cmd.CommandPath())
		}
		return restartServer(cmd, args)
	}
	return cmd
}

// restartGateway replaces a gateway that attach has started.
func restartGateway(cmd *cobra.Command) error {
	if err := notBehindAGateway(); err != nil {
		return failed(err)
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	o := running{}
	o.pid, _ = cmd.Flags().GetInt("pid") // It has this flag.
	gw, err := o.connect(ctx)
	if err != nil {
		return err
	}
	if gw.Status.Attach == nil || !gw.Status.Attach.Background {
		return failed(fmt.Errorf("the gateway with process id %d was not started by attach: have whoever started it start it again; attached clients wait for that", gw.Status.PID))
	}
	if err := replaceGateway(ctx, gw, cmd.ErrOrStderr()); err != nil {
		return failed(err)
	}
	asJSON, _ := cmd.Flags().GetBool("json") // Likewise.
	return sayReplaced(cmd.OutOrStdout(), gw.Status, asJSON)
}

// replaceGateway ends a gateway and starts another one in its place. Attached clients
// keep what they ask meanwhile.
func replaceGateway(ctx context.Context, gw admin.Found, note io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	st := gw.Status
	socket := st.Attach.Socket
	place := attach.Place{Dir: filepath.Dir(socket), Name: nameOf(socket)}
	lock, err := place.AwaitStart(ctx) // Clients that find no gateway start none now.
	if err != nil {
		return fmt.Errorf("somebody else is starting a gateway: %w", err)
	}
	defer lock.Release()
	if err := endGateway(ctx, gw); err != nil {
		return fmt.Errorf("cannot end the gateway with process id %d: %w", st.PID, err)
	}
	for attach.Present(ctx, place) {
		select {
		case <-time.After(connectPause):
		case <-ctx.Done():
			return fmt.Errorf("the gateway with process id %d does not end", st.PID)
		}
	}
	return startGateway(ctx, st.Attach.Args, attachLog(place), note) // It waits until the old one has ended.
}

// endGateway has a gateway end in order, by a signal where there are any: an older one
// knows no other way.
func endGateway(ctx context.Context, gw admin.Found) error {
	if runtime.GOOS == "windows" {
		return gw.Client.End(ctx)
	}
	p, err := os.FindProcess(gw.Status.PID)
	if err != nil {
		return err
	}
	return p.Signal(syscall.SIGTERM)
}

// nameOf is the name of the place of a socket.
func nameOf(socket string) string {
	base := filepath.Base(socket)
	return base[:len(base)-len(filepath.Ext(base))]
}

func sayReplaced(w io.Writer, old admin.Status, asJSON bool) error {
	if asJSON {
		return writeJSON(w, map[string]any{"replaced": old.PID, "version": version(), "attached": old.Attach.Attached})
	}
	fmt.Fprintf(w, "the gateway was replaced by version %s, with %s attached, whose sessions go on\n", version(), plural.Of(old.Attach.Attached, "client"))
	return nil
}
