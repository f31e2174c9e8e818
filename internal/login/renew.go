package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
)

// renewPatience bounds a renewal that nobody waits for any more: its request must not
// be cut off, as the server may have used up the refresh token already.
const renewPatience = 2 * patience

// renew gets new tokens in place of those of used, unless somebody else has meanwhile.
// It returns what is in force then. Its waiting ends with ctx; a request that was
// begun goes on, and what it brings is kept. A token that the server refuses is
// renewed once: errNoHelp if that was just now.
func (c *Credential) renew(ctx context.Context, used store.Record, refused bool) (store.Record, error) {
	if err := c.renewing.take(ctx); err != nil {
		return used, err
	}
	type result struct {
		record store.Record
		err    error
	}
	done := make(chan result, 1)
	go func() { // Ends within renewPatience and the wait for the lock.
		defer c.renewing.end()
		long, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewPatience)
		defer cancel()
		r, err := c.renewInTurn(long, used, refused)
		done <- result{r, err}
	}()
	select {
	case r := <-done:
		return r.record, r.err
	case <-ctx.Done():
		return used, context.Cause(ctx)
	}
}

// renewInTurn is renew with nobody else at it in this process.
func (c *Credential) renewInTurn(ctx context.Context, used store.Record, refused bool) (store.Record, error) {
	c.mu.Lock()
	r, trouble, pause := c.record, c.trouble, time.Now().Before(c.again)
	c.mu.Unlock()
	if !r.Equal(used) {
		return r, nil // Whoever was before us has done it.
	}
	if pause {
		return r, errors.New(trouble) // Whoever was before us has tried just now.
	}
	if refused && !c.force() {
		return r, errNoHelp
	}
	got, err := c.keeper.store.Change(ctx, c.key, func(ctx context.Context, old store.Record, err error) (store.Record, bool, error) {
		if err == nil && !old.Equal(r) && c.follow(old) {
			return old, false, nil // Another process has done it, or somebody has logged in or out.
		}
		c.noteStored(err != nil || old.LoggedIn() || old.Ended != "")
		next, keep, failure := c.ask(ctx, r)
		if unread, ok := errors.AsType[*store.Unreadable](err); ok && unread.Passing() && next.Ended != "" {
			return r, false, unread // Another process may have renewed it, and used up what was shown.
		}
		return next, keep, failure
	})
	return c.conclude(used, got, err)
}

// noteStored notes whether a login, or the end of one, is stored while a new one is asked
// for.
func (c *Credential) noteStored(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beside = is
}

// ask asks for new tokens. A final refusal ends the login.
func (c *Credential) ask(ctx context.Context, r store.Record) (store.Record, bool, error) {
	now := time.Now()
	if c.target.Auth.Type == serversfile.AuthClientCredentials {
		next, err := ownLogin(ctx, c.target, c.keeper.agent, r)
		next.Place = r.Place
		return next, err == nil, err
	}
	w := newWeb(Network(r.Network), c.keeper.agent)
	defer w.close()
	asked := renewal{
		endpoint: r.Token, resource: r.Resource, refresh: r.Secrets.RefreshToken,
		client: client{kind: r.ClientKind, id: r.ClientID, method: r.Method, secret: r.Secrets.ClientSecret},
	}
	got, err := asked.ask(ctx, w, now)
	if final, ok := errors.AsType[*refusal](err); ok {
		ended := store.Record{Server: r.Server, Shown: r.Shown, Account: r.Account, Issuer: r.Issuer, Metadata: r.Metadata, Scopes: r.Scopes, Wanted: r.Wanted}
		ended.Ended = fmt.Sprintf("the login at %s has ended: %s", r.Issuer, final)
		return ended, true, nil
	}
	if err != nil {
		return r, false, err
	}
	next := r
	next.Issued, next.Expires = now.Round(0), got.expires
	next.Secrets.AccessToken = got.access
	if got.refresh != "" {
		next.Secrets.RefreshToken = got.refresh
	}
	if got.scopes != nil {
		next.Scopes = got.scopes
	}
	return next, true, nil
}

// conclude puts the outcome of a renewal in force.
func (c *Credential) conclude(used, got store.Record, err error) (store.Record, error) {
	lost, unkept := errors.AsType[*store.NotKept](err)
	if err != nil && !unkept {
		err = unrenewed(used, err)
		c.fail(err)
		return used, err
	}
	c.adopt(got, unkept)
	if got.Ended != "" {
		c.fail(errors.New(got.Ended))
		c.keeper.log.Warn("login ended", slog.String("server", c.target.Name), slog.String("reason", got.Ended))
	}
	if unkept {
		c.keeper.log.Warn("login not kept", slog.String("server", c.target.Name), slog.String("reason", lost.Error()))
		c.mu.Lock()
		c.trouble = lost.Error()
		c.mu.Unlock()
	}
	return got, nil
}

// ownLogin logs the gateway in with its own client.
func ownLogin(ctx context.Context, t Target, agent string, saved store.Record) (store.Record, error) {
	f, err := discover(ctx, t, saved, agent)
	if err != nil {
		return saved, err
	}
	return byItself(ctx, t, Options{Agent: agent, Now: time.Now}, f)
}
