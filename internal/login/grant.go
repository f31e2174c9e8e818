package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"gatehouse/internal/login/store"
)

// maxToken is how many bytes a token may have: more fits no header.
const maxToken = 48 << 10

// refusal is a final word of a token endpoint: the same request will never succeed.
type refusal struct {
	code string
	why  error
}

func (e *refusal) Error() string { return e.why.Error() }

// Unwrap returns the cause.
func (e *refusal) Unwrap() error { return e.why }

// finalCodes are the errors after which nobody tries again. Any other may pass.
var finalCodes = []string{"invalid_grant", "invalid_client", "unauthorized_client"}

// tokens is what a token endpoint has granted.
type tokens struct {
	access, refresh store.Secret
	expires         time.Time // zero if it did not say
	scopes          []string  // nil if it did not say
}

// redeem exchanges the code for tokens.
func (a attempt) redeem(ctx context.Context, w *web, code string, now time.Time) (tokens, error) {
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(a.verifier)}
	if a.found.resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", a.found.resource))
	}
	t, err := a.config().Exchange(w.with(ctx), code, options...)
	return granted(ctx, t, err, now, append(a.secrets(), code))
}

// renewal is what a renewal is made with. Without a refresh token it is the grant of
// client credentials.
type renewal struct {
	endpoint, resource string
	client             client
	refresh            store.Secret
	scopes             []string
}

// ask asks for new tokens.
func (r renewal) ask(ctx context.Context, w *web, now time.Time) (tokens, error) {
	c := clientcredentials.Config{
		ClientID: r.client.id, ClientSecret: string(r.client.secret), TokenURL: r.endpoint, AuthStyle: r.client.style(), EndpointParams: url.Values{},
	}
	if r.refresh != "" { // The library's own renewal cannot name the resource.
		c.EndpointParams = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {string(r.refresh)}}
	} else {
		c.Scopes = r.scopes
	}
	if r.resource != "" {
		c.EndpointParams.Set("resource", r.resource)
	}
	t, err := c.Token(w.with(ctx))
	return granted(ctx, t, err, now, secrets{string(r.refresh), string(r.client.secret)})
}

// with hands the library our client.
func (w *web) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, w.client)
}

// granted judges what a token endpoint answered.
func granted(ctx context.Context, t *oauth2.Token, err error, now time.Time, hidden secrets) (tokens, error) {
	if err != nil {
		return tokens{}, ungranted(ctx, err, hidden)
	}
	if kind := t.Type(); !strings.EqualFold(kind, "Bearer") {
		return tokens{}, fmt.Errorf("it grants tokens of the type %s, and only Bearer is known here", quoted(kind))
	}
	for _, text := range []string{t.AccessToken, t.RefreshToken} {
		if len(text) > maxToken || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return tokens{}, errors.New("it grants a token that fits no header")
		}
	}
	got := tokens{access: store.Secret(t.AccessToken), refresh: store.Secret(t.RefreshToken), expires: expiry(t.Expiry, now)}
	if text, ok := t.Extra("scope").(string); ok && text != "" {
		got.scopes = scopesOf(text)
	}
	return got, nil
}

// longest is the longest lifetime of a token that is believed.
const longest = 10 * 365 * 24 * time.Hour

func expiry(at, now time.Time) time.Time {
	if !at.After(now) {
		return time.Time{}
	}
	if limit := now.Add(longest); at.After(limit) {
		return limit
	}
	return at.Round(0) // Without the monotonic clock: it will be compared in other processes.
}

// ungranted words why there are no tokens. What the server says is shown without
// what it was sent.
func ungranted(ctx context.Context, err error, hidden secrets) error {
	said, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !ok && strings.HasPrefix(err.Error(), "oauth2: "):
		return errors.New("it answered with something else than tokens")
	case !ok:
		return reach(ctx, err)
	}
	status := said.Response.StatusCode
	why := refusedBecause(status, hidden.hide(said.ErrorCode), hidden.hide(said.ErrorDescription))
	if said.ErrorCode == "" && status/100 == 3 {
		why = errors.New("it redirects, and nothing secret is sent elsewhere")
	}
	if slices.Contains(finalCodes, said.ErrorCode) && status/100 != 5 && status != 429 && status != 408 {
		return &refusal{code: said.ErrorCode, why: why}
	}
	return why
}
