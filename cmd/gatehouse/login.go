package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/childproc"
	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
)

// loginOptions are the flags of login.
type loginOptions struct {
	fileOptions
	manual, device, list, asJSON bool
	credentials                  string
}

func newLoginCommand() *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login [SERVER]",
		Short: "Log in to a remote server with your browser; the gateway keeps the login and renews it",
		Long: `login opens the authorization server's page in your browser. Once you agree there, it
keeps the tokens for the gateway; agents never see them. A running gateway uses them
at once. With --manual it prints the address, for a browser on any machine, and reads
the address at which that browser ends. With --device you enter a code instead, if
the authorization server offers that.

The server's entry needs nothing but its url, unless the authorization server does
not let clients register themselves: see docs/LOGIN.md. --list shows your logins.

Exit code 0: logged in; 1: not logged in, with the reason; 2: wrong usage: there is
no such server, or it takes no login.`,
		Example: `  gatehouse login notion
  gatehouse login notion --manual   without a browser on this machine
  gatehouse login --list            the logins that are kept`,
		ValidArgsFunction: completeServer,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			if o.list {
				return listLogins(cmd.OutOrStdout(), o.asJSON)
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			return o.login(ctx, cmd, args[0])
		},
	}
	o.registerEntries(cmd)
	cmd.Flags().BoolVar(&o.manual, "manual", false, "print the address, and read from standard input the one at which the browser ends")
	cmd.Flags().BoolVar(&o.device, "device", false, "print a code to enter in a browser on any machine, where the authorization server offers that")
	cmd.Flags().BoolVar(&o.list, "list", false, "list the logins that are kept")
	cmd.Flags().StringVar(&o.credentials, "credentials", env("GATEWAY_CREDENTIALS", ""), "where to keep the tokens: keyring (the system's) or file (default: where they are, else a keyring that answers within 2s) [GATEWAY_CREDENTIALS]")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, `with --list: print [{"server", "address", "account", "issuer", "scopes", "expires", "renews", "store", "problem"}]`)
	return cmd
}

// registerEntries adds the flags of commands that read the servers file alone.
func (o *fileOptions) registerEntries(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.mcpConfig, "mcp-config", "", "the servers file (default: that of the running gateway, else as for run)")
	o.registerHere(f)
	f.StringArrayVar(&o.envFiles, "env-file", nil, "a file of KEY=VALUE lines for ${KEY} in the servers file, besides gatehouse.env of the config folder; repeatable (default: GATEWAY_ENV_FILE)")
}

func (o *loginOptions) check(args []string) error {
	switch {
	case o.credentials != "" && o.credentials != string(store.InKeyring) && o.credentials != string(store.InFile):
		return fmt.Errorf("--credentials is %q: use keyring or file", o.credentials)
	case o.list && len(args) > 0:
		return errors.New("--list takes no SERVER")
	case o.list && (o.manual || o.device):
		return errors.New("--list and --manual (or --device) cannot be combined")
	case o.manual && o.device:
		return errors.New("--manual and --device cannot be combined")
	case !o.list && len(args) == 0:
		return errors.New("SERVER is missing; usage: gatehouse login SERVER, or gatehouse login --list")
	case !o.list && o.asJSON:
		return errors.New("--json needs --list")
	}
	return nil
}

func (o *loginOptions) login(ctx context.Context, cmd *cobra.Command, name string) error {
	kept := loginStore()
	if kept == nil {
		return failed(errNoStore)
	}
	entries, err := o.readEntries(ctx, name)
	if err != nil {
		return failed(err)
	}
	t, err := entries.target(name)
	if err != nil {
		return unfit(err)
	}
	stderr := cmd.ErrOrStderr()
	r, err := login.Login(ctx, t, login.Options{
		Store: kept, Agent: userAgent(), Open: childproc.OpenBrowser, Manual: o.manual, Device: o.device, Place: store.Place(o.credentials), Input: cmd.InOrStdin(), Now: time.Now,
		Say: func(text string) { fmt.Fprintln(stderr, line(text)) },
	})
	if _, wrong := errors.AsType[*login.Unfit](err); wrong {
		return unfit(err)
	}
	if err != nil {
		return failed(fmt.Errorf("not logged in to %q: %w", name, interrupted(err)))
	}
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, line(loggedIn(r, time.Now())))
	tellGateways(ctx, out, entries.sharing(t), afterLogin)
	return nil
}

var errNoStore = errors.New("there is no place to keep a login: this user has no home folder; set HOME or XDG_STATE_HOME")

// unfit ends a command with the code for wrong use where nobody logs in to the server.
func unfit(err error) error {
	if _, wrong := errors.AsType[*login.Unfit](err); wrong {
		return &exitError{exitUsage, err}
	}
	return failed(err)
}

// interrupted words the end of a command by its user.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; nothing has changed")
	}
	return err
}

// loggedIn says for what a login is, and until when.
func loggedIn(r store.Record, now time.Time) string {
	text := fmt.Sprintf("logged in to %q at %s", r.Server, r.Issuer)
	if r.Account != "" {
		text += fmt.Sprintf(" as %q", r.Account)
	}
	if len(r.Scopes) > 0 {
		text += ", for " + strings.Join(r.Scopes, " ")
	}
	return text + "; " + untilWhen(r.Expires, r.Renews(), now)
}

// untilWhen says how long a login lasts.
func untilWhen(expires time.Time, renews bool, now time.Time) string {
	text := "its end is not known"
	switch {
	case renews && (expires.IsZero() || !expires.After(now)):
		return "it renews by itself"
	case !expires.IsZero() && !expires.After(now):
		return "it has ended " + age(now.Sub(expires)) + " ago"
	case !expires.IsZero():
		text = "until " + expires.Local().Format("2006-01-02 15:04")
	}
	if renews {
		text += " (renews by itself)"
	}
	return text
}

// loginLine is a login as --list --json shows it.
type loginLine struct {
	Server  string    `json:"server"`
	Address string    `json:"address"`
	Account string    `json:"account,omitempty"`
	Issuer  string    `json:"issuer"`
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
	Renews  bool      `json:"renews"`
	Store   string    `json:"store"`
	Problem string    `json:"problem,omitempty"`
}

// listLogins shows what is kept, also of entries that are gone.
func listLogins(w io.Writer, asJSON bool) error {
	list := []loginLine{}
	if kept := loginStore(); kept != nil {
		for _, k := range kept.List() {
			r := k.Record
			l := loginLine{Server: r.Server, Address: r.Shown, Account: r.Account, Issuer: r.Issuer, Scopes: notNil(r.Scopes), Expires: r.Expires, Renews: r.Renews(), Store: string(cmp.Or(r.Place, store.InFile)), Problem: r.Ended}
			if k.Err != nil {
				l.Problem = k.Err.Error()
			}
			if r.LoggedIn() || l.Problem != "" {
				list = append(list, l)
			}
		}
	}
	if asJSON {
		return writeJSON(w, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(w, "nobody is logged in to a server")
		return nil
	}
	t, now := newTable(w), time.Now()
	fmt.Fprintln(t, "SERVER\tACCOUNT\tISSUER\tUNTIL\tSCOPES\tSTORE")
	for _, l := range list {
		until := untilWhen(l.Expires, l.Renews, now)
		if l.Problem != "" {
			until = l.Problem
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", line(l.Server), line(l.Account), line(l.Issuer), line(until), line(strings.Join(l.Scopes, " ")), l.Store)
	}
	return t.Flush()
}
