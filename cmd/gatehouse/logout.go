package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
	"gatehouse/internal/shellword"
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
	out, errs := cmd.OutOrStdout(), cmd.ErrOrStderr()
	l, err := o.leave(ctx, kept, name)
	if err != nil {
		if l != nil { // Gateways may use one whose file was removed by hand.
			tellGateways(ctx, out, l.names, afterRemoval)
		}
		return err
	}
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
// again, also if the entry has another address by then, or is gone.
type parting struct {
	store *store.Store
	names []string // of the entries that have the login
	// key is that of the login, zero for a name that has no entry.
	key store.Key
	// copies are where tokens are kept until they are revoked: no server has such a key.
	copies []store.Key
	// unkept are the logins of which there is no copy: no other logout can revoke them.
	unkept []store.Record
	// logins are what is to be revoked; old are those of them that no entry uses: what a
	// logout that was killed has left, and logins of entries that are gone.
	logins []store.Record
	old    []store.Kept
	broken error   // why what was kept of a login could not be read, and never will be
	unread []error // why logins that no entry uses cannot be read now; they stay
}

// unrevoked is what is said of tokens in the list of logins until they are revoked.
func unrevoked(server string) string {
	return "logged out, but the tokens are not revoked yet; run again: " + shellword.Command("gatehouse logout", "", server)
}

// leave finds the login of an entry, or those that were made under a name that has no
// entry any more, and keeps a copy of the tokens. A parting beside an error names those
// that nobody is logged in to.
func (o *fileOptions) leave(ctx context.Context, kept *store.Store, name string) (*parting, error) {
	entries, err := o.readEntries(ctx, name)
	var t login.Target
	if err == nil {
		t, err = entries.target(name)
	}
	if err != nil {
		return leaveOld(kept, name, err)
	}
	return leaveKey(ctx, kept, t.Key(), entries.sharing(t))
}

// leaveKey finds the login that entries share, and what a logout that was killed has left
// under their names.
func leaveKey(ctx context.Context, kept *store.Store, key store.Key, names []string) (*parting, error) {
	l := &parting{store: kept, names: names, key: key}
	r, err := kept.Read(key)
	if bad, ok := errors.AsType[*store.Unreadable](err); ok && bad.Passing() {
		return nil, failed(bad.Unforgotten())
	} else if ok {
		l.broken = bad.Why
	}
	if r.LoggedIn() {
		l.logins = []store.Record{r}
	}
	l.findOld(ended)
	switch {
	case len(l.logins) > 0 || l.broken != nil || r.Ended != "": // A gateway may go on with what it could not keep.
		return l, l.keep(ctx, r)
	case len(l.unread) > 0:
		return nil, failed(l.unread[0])
	}
	return l, unfit(&login.Unfit{Why: fmt.Sprintf("nobody is logged in to %q", names[0])})
}

// copyKey is where the tokens of a login are kept that has ended. Each login has another
// one: a copy that is still to be revoked is not lost over the next.
func copyKey(key store.Key, r store.Record) store.Key {
	sum := sha256.Sum256([]byte(r.Secrets.AccessToken))
	key.Account += "\x00logout\x00" + string(sum[:]) // No account of an entry has this.
	return key
}

// leaveOld finds the logins that were made under a name; unknown is why it has no entry.
func leaveOld(kept *store.Store, name string, unknown error) (*parting, error) {
	l := &parting{store: kept, names: []string{name}}
	l.findOld(func(store.Record) bool { return true })
	_, wrong := errors.AsType[*login.Unfit](unknown)
	switch {
	case len(l.old) > 0:
		return l, nil
	case len(l.unread) > 0:
		return nil, failed(l.unread[0])
	case wrong:
		return nil, unfit(unknown)
	}
	return nil, failed(unknown)
}

// ended reports whether a login has ended, for whatever reason, and is not forgotten.
func ended(r store.Record) bool { return r.Ended != "" }

// findOld finds the logins that are kept under the names, in records that are meant.
func (l *parting) findOld(meant func(shown store.Record) bool) {
	for _, k := range l.store.Under(l.names) {
		bad, _ := errors.AsType[*store.Unreadable](k.Err)
		switch {
		case !meant(k.Record) || bad == nil && !k.Record.LoggedIn() && !ended(k.Record):
			continue
		case bad == nil:
			l.logins = append(l.logins, k.Record)
		case bad.Passing():
			l.unread = append(l.unread, bad.Unforgotten())
			continue
		default:
			l.broken = bad.Why
		}
		l.old = append(l.old, k)
	}
}

// keep copies the tokens of a login to where they stay until they are revoked. What
// cannot be copied, on a full disk for example, is not revoked by another logout.
func (l *parting) keep(ctx context.Context, r store.Record) error {
	if !r.LoggedIn() || r.Revocation == "" {
		return nil
	}
	under, copied := copyKey(l.key, r), r
	copied.Ended = unrevoked(r.Server)
	_, err := l.store.Change(ctx, under, func(context.Context, store.Record, error) (store.Record, bool, error) { return copied, true, nil })
	if _, unkept := errors.AsType[*store.NotKept](err); unkept {
		l.unkept = append(l.unkept, r)
		return nil
	}
	l.copies = append(l.copies, under)
	return err
}

// forget ends the use of the login. A gateway may have renewed it while this waited for
// its lock: then it keeps a copy of the new tokens too, before they are gone.
func (l *parting) forget(ctx context.Context) error {
	if l.key == (store.Key{}) {
		return nil // No gateway has an entry that uses it.
	}
	_, err := l.store.ForgetAfter(ctx, l.key, func(last store.Record) error {
		if !last.LoggedIn() || slices.ContainsFunc(l.logins, last.Equal) {
			return nil
		}
		l.logins = append(l.logins, last)
		return l.keep(ctx, last)
	})
	return err // The copies stay: a keyring that answers late may let go what they are of.
}

// revoke revokes the tokens and forgets what is kept of them, unless ctx ends it. It
// returns what went wrong, which is said and no more.
func (l *parting) revoke(ctx context.Context) []error {
	errs := slices.Clone(l.unread)
	if l.broken != nil {
		errs = append(errs, fmt.Errorf("its tokens are not revoked, as they could not be read: %w", l.broken))
	}
	failures, again := l.tell(ctx)
	errs = append(errs, failures...)
	if again && ctx.Err() != nil {
		return append(errs, errors.New(unrevoked(l.names[0])))
	}
	for _, k := range l.old {
		if err := k.Remove(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	for _, k := range l.copies {
		if _, err := l.store.Forget(ctx, k); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// tell has the authorization servers revoke the tokens, and returns what the user should
// hear of those that are not revoked. again reports whether another logout can revoke
// some of them: of these nothing is said that is only due to the end of ctx.
func (l *parting) tell(ctx context.Context) (failures []error, again bool) {
	for i, r := range l.logins {
		if slices.ContainsFunc(l.logins[:i], r.Equal) {
			continue
		}
		err := login.Revoke(ctx, r, userAgent())
		switch {
		case err == nil:
		case !l.isKept(r):
			failures = append(failures, fmt.Errorf("%w; its tokens could not be kept, so no other logout can revoke them", err))
		default:
			again = true
			if ctx.Err() == nil {
				failures = append(failures, err)
			}
		}
	}
	return failures, again
}

// isKept reports whether the next logout would find a login.
func (l *parting) isKept(r store.Record) bool {
	return !slices.ContainsFunc(l.unkept, r.Equal) || slices.ContainsFunc(l.old, func(k store.Kept) bool { return k.Record.Equal(r) })
}
