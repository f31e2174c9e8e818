package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
)

// after is what running gateways are to do about a server's login that has changed.
type after int

const (
	afterLogin after = iota
	afterLogout
	afterRemoval // by hand: only those that use it have to do anything
)

// maxSettling is how long a gateway is waited for.
const maxSettling = 30 * time.Second

// tellGateways has the running gateways use a login that is new, or stop using one that
// is gone. Where there is none, the next one will find it.
func tellGateways(ctx context.Context, w io.Writer, names []string, what after) {
	ctx, cancel := context.WithTimeout(ctx, maxSettling)
	defer cancel()
	found, silent := admin.Find(ctx, adminDirs())
	for _, path := range silent {
		fmt.Fprintln(w, line(fmt.Sprintf("a gateway does not answer at %s; it hears of this with its next try of the server", path)))
	}
	for _, f := range found {
		for _, s := range f.Status.Servers {
			if !slices.Contains(names, s.Name) {
				continue
			}
			text := ""
			switch {
			case what == afterLogin:
				text = useLogin(ctx, f.Client, s)
			case what == afterLogout || s.Auth != nil && s.Auth.State == admin.LoggedIn:
				text = dropLogin(ctx, f.Client, s)
			}
			if text != "" {
				fmt.Fprintln(w, line(fmt.Sprintf("%s (gateway %d)", text, f.Status.PID)))
			}
		}
	}
}

// useLogin has a server tried at once that waited for a login. One that does well reads
// it as soon as it needs it.
func useLogin(ctx context.Context, c *admin.Client, s admin.ServerStatus) string {
	st, err := c.Settled(ctx, s.Name) // It may just be trying without.
	if err != nil || !waitsForLogin(st.State) {
		return ""
	}
	if _, err := c.Operate(ctx, admin.Release, s.Name, admin.Hold{}); err != nil {
		return fmt.Sprintf("%q could not be tried: %v", s.Name, err)
	}
	if st, err = c.Settled(ctx, s.Name); err != nil {
		return fmt.Sprintf("%q is being tried", s.Name)
	}
	switch endpoint.State(st.State) { //nolint:exhaustive // All others need the reason.
	case endpoint.Ready:
		return fmt.Sprintf("%q is ready", s.Name)
	case endpoint.Idle:
		return fmt.Sprintf("%q starts with its next call", s.Name)
	}
	return fmt.Sprintf("%q is %s: %s", s.Name, st.State, st.Reason)
}

func waitsForLogin(state string) bool {
	switch endpoint.State(state) { //nolint:exhaustive // All others do not.
	case endpoint.NeedsAuth, endpoint.BackingOff, endpoint.Quarantined:
		return true
	}
	return false
}

// dropLogin has a server connected anew, without the login.
func dropLogin(ctx context.Context, c *admin.Client, s admin.ServerStatus) string {
	if _, err := c.Operate(ctx, admin.Restart, s.Name, admin.Hold{}); err != nil && s.State == string(endpoint.Ready) {
		return fmt.Sprintf("%q could not be disconnected: %v", s.Name, err)
	}
	return ""
}
