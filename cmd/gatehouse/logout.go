package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
)

func newLogoutCommand() *cobra.Command {
	var o fileOptions
	cmd := &cobra.Command{
		Use:   "logout SERVER",
		Short: "End a login: the gateway stops using it, and revokes and forgets its tokens",
		Long: `logout forgets the login to a server, makes running gateways stop using it, and
revokes its tokens if the authorization server supports that. It names the entries
that share the login, and works for entries that the servers file no longer has.

Exit code 0: forgotten (logout says so if it could not revoke the tokens); 1: not
forgotten, with the reason; 2: wrong usage: there is no such server, or no login.`,
		Example:           `  gatehouse logout notion`,
		ValidArgsFunction: completeServer,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd)
			defer stop()
			return o.logout(ctx, cmd, args[0])
		},
	}
	o.registerEntries(cmd)
	return cmd
}

func (o *fileOptions) logout(ctx context.Context, cmd *cobra.Command, name string) error {
	kept := loginStore()
	if kept == nil {
		return failed(errNoStore)
	}
	forgotten, names, err := o.forget(ctx, kept, name)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	tellGateways(ctx, out, names, afterLogout)
	text := fmt.Sprintf("logged out of %q", name)
	if others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name }); len(others) > 0 {
		text += ", and so of " + strings.Join(others, ", ") + ", which shared the login"
	}
	fmt.Fprintln(out, line(text))
	for _, r := range forgotten {
		if err := login.Revoke(ctx, r, userAgent()); err != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), line("warning: "+err.Error()))
		}
	}
	return nil
}

// forget removes the login of an entry, or those that were made under a name that has
// no entry any more. It returns what was removed, and the entries that had it.
func (o *fileOptions) forget(ctx context.Context, kept *store.Store, name string) (forgotten []store.Record, names []string, err error) {
	entries, err := o.readEntries(ctx, name)
	var t login.Target
	if err == nil {
		t, err = entries.target(name)
	}
	if err == nil {
		r, err := kept.Forget(ctx, t.Key())
		if err != nil {
			return nil, nil, failed(err)
		}
		if r.LoggedIn() {
			return []store.Record{r}, entries.sharing(t), nil
		}
		return nil, nil, unfit(&login.Unfit{Why: fmt.Sprintf("nobody is logged in to %q", name)})
	}
	for _, k := range kept.List() {
		if k.Record.Server != name || !k.Record.LoggedIn() {
			continue
		}
		if err := k.Remove(); err != nil {
			return forgotten, []string{name}, failed(err)
		}
		forgotten = append(forgotten, k.Record)
	}
	if len(forgotten) > 0 {
		return forgotten, []string{name}, nil
	}
	if _, wrong := errors.AsType[*login.Unfit](err); wrong {
		return nil, nil, unfit(err)
	}
	return nil, nil, failed(err)
}
