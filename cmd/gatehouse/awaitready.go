package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
)

// operated is what became of an action on a server.
type operated struct {
	admin.Operated

	State  string `json:"state,omitempty"` // of a server that was waited for
	Reason string `json:"reason,omitempty"`
}

// awaitsReady makes a command that starts a server wait until it is ready.
func awaitsReady(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().Bool("no-wait", false, "do not wait until the server is ready")
	return cmd
}

// await waits for a server that is being started, if the command is one that
// does.
func (d *operated) await(ctx context.Context, c *admin.Client, cmd *cobra.Command) error {
	flag := cmd.Flags().Lookup("no-wait")
	if flag == nil || flag.Changed && flag.Value.String() == "true" || d.Note != "" {
		return nil
	}
	begun := time.Now()
	st, err := c.Settled(ctx, d.Server)
	if err != nil {
		return asked(ctx, c, err)
	}
	d.State, d.Reason = st.State, st.Reason
	if st.LastErrorAt != nil && st.LastErrorAt.After(begun) {
		d.Reason = cmp.Or(d.Reason, st.LastError) // It is being tried once more.
	}
	switch {
	case st.State == string(endpoint.Ready):
		d.Note = fmt.Sprintf("%q has started afresh and is ready, after %s", d.Server, age(time.Since(begun)))
	case st.State == string(endpoint.Idle):
		d.Note = fmt.Sprintf("%q starts afresh with its next call", d.Server)
	default:
		d.Note = fmt.Sprintf("%q is not ready but %s", d.Server, strings.TrimSuffix(d.State+": "+d.Reason, ": "))
	}
	return nil
}

// ready reports whether the server is, or need not be.
func (d *operated) ready() bool {
	return d.State == "" || d.State == string(endpoint.Ready) || d.State == string(endpoint.Idle)
}

// print says what became of it. The error says that the server is not ready.
func (d *operated) print(w io.Writer, asJSON bool) error {
	switch {
	case asJSON:
		if err := writeJSON(w, d); err != nil || d.ready() {
			return err
		}
		return errNo
	case !d.ready():
		return failed(fmt.Errorf("%s; \"%s\" says more", line(d.Note), statusCommand(line(d.Server))))
	case d.Note == "":
		d.Note = fmt.Sprintf("%q starts afresh", d.Server)
	}
	fmt.Fprintf(w, "%s (generation %d)\n", line(d.Note), d.Generation)
	return nil
}
