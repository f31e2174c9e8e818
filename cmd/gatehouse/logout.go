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
	l, err := o.leave(ctx, kept, name)
	if err != nil {
		return err
	}
	out, errs := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := l.forget(context.WithoutCancel(ctx)); err != nil {
		return failed(err)
	}
	tellGateways(ctx, out, l.names, afterLogout)
	text := fmt.Sprintf("logged out of %q", name)
	if others := slices.DeleteFunc(slices.Clone(l.names), func(n string) bool { return n == name }); len(others) > 0 {
		text += ", and so of " + strings.Join(others, ", ") + ", which shared the login"
	}
	fmt.Fprintln(out, line(text))
	for _, err := range l.revoke(ctx) {
		fmt.Fprintln(errs, line("warning: "+err.Error()))
	}
	return nil
}

// parting is a login on its way out. Its steps come in the order keep (by leave), forget,
// revoke: whoever is killed after any of them finds what is left to do when it is run
// again.
type parting struct {
	store *store.Store
	names []string // of the entries that have the login
	key   store.Key
	// under is where the tokens are kept until they are revoked: no server has this key.
	under store.Key
	// logins are what is to be revoked; old are those of entries that are gone, which
	// have no key.
	logins []store.Record
	old    []store.Kept
	broken error // why what was kept of the login could not be read
}

// unrevoked is what is said of tokens in the list of logins until they are revoked.
func unrevoked(server string) string {
	return "logged out, but the tokens are not revoked yet; run again: gatehouse logout " + shellWord(server)
}

// leave finds the login of an entry, or those that were made under a name that has no
// entry any more, and keeps a copy of the tokens.
func (o *fileOptions) leave(ctx context.Context, kept *store.Store, name string) (*parting, error) {
	entries, err := o.readEntries(ctx, name)
	var t login.Target
	if err == nil {
		t, err = entries.target(name)
	}
	if err != nil {
		return leaveOld(kept, name, err)
	}
	l := &parting{store: kept, names: entries.sharing(t), key: t.Key(), under: t.Key()}
	l.under.Account += "\x00logout" // No account of an entry has this.
	for _, key := range []store.Key{l.key, l.under} {
		r, err := kept.Read(key)
		if bad, ok := errors.AsType[*store.Unreadable](err); ok {
			l.broken = bad.Why
		}
		if r.LoggedIn() {
			l.logins = append(l.logins, r)
		}
	}
	if len(l.logins) == 0 && l.broken == nil {
		return nil, unfit(&login.Unfit{Why: fmt.Sprintf("nobody is logged in to %q", name)})
	}
	return l, l.keep(ctx)
}

// leaveOld finds the logins that were made under a name; unknown is why it has no entry.
func leaveOld(kept *store.Store, name string, unknown error) (*parting, error) {
	l := &parting{store: kept, names: []string{name}}
	for _, k := range kept.List() {
		if k.Record.Server == name && k.Record.LoggedIn() {
			l.logins, l.old = append(l.logins, k.Record), append(l.old, k)
		}
	}
	if len(l.old) > 0 {
		return l, nil
	}
	if _, wrong := errors.AsType[*login.Unfit](unknown); wrong {
		return nil, unfit(unknown)
	}
	return nil, failed(unknown)
}

// keep copies the tokens to where they stay until they are revoked. What cannot be
// copied, on a full disk for example, is not revoked by another logout.
func (l *parting) keep(ctx context.Context) error {
	if len(l.logins) == 0 || l.logins[0].Revocation == "" || l.logins[0].Ended != "" {
		return nil
	}
	copied := l.logins[0]
	copied.Ended = unrevoked(copied.Server)
	_, err := l.store.Change(ctx, l.under, func(context.Context, store.Record, error) (store.Record, bool, error) { return copied, true, nil })
	if _, unkept := errors.AsType[*store.NotKept](err); unkept {
		return nil
	}
	return err
}

// forget ends the use of the login.
func (l *parting) forget(ctx context.Context) error {
	if len(l.old) > 0 {
		return nil // No gateway has an entry that uses it.
	}
	last, err := l.store.Forget(ctx, l.key)
	if err != nil {
		return err // The copy stays: a keyring that answers late may let go what it is of.
	}
	if last.LoggedIn() && !slices.ContainsFunc(l.logins, last.Equal) {
		l.logins = append(l.logins, last) // It was renewed meanwhile.
	}
	return nil
}

// revoke revokes the tokens and forgets their copy, unless ctx ends it. It returns what
// went wrong, which is said and no more.
func (l *parting) revoke(ctx context.Context) (errs []error) {
	if l.broken != nil {
		errs = append(errs, fmt.Errorf("its tokens are not revoked, as they could not be read: %w", l.broken))
	}
	for i, r := range l.logins {
		if slices.ContainsFunc(l.logins[:i], r.Equal) {
			continue
		}
		if err := login.Revoke(ctx, r, userAgent()); err != nil {
			errs = append(errs, err)
		}
	}
	for _, k := range l.old {
		errs = append(errs, k.Remove(ctx))
	}
	if len(l.old) == 0 && ctx.Err() == nil {
		_, err := l.store.Forget(ctx, l.under)
		errs = append(errs, err)
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}
