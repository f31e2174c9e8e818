package login

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"

	"gatehouse/internal/login/store"
)

// Revoke tells the authorization server that the tokens of a record are not used any
// more, the refresh token first. It blocks for 20 s at most. It is no error where the
// server offers no revocation.
func Revoke(ctx context.Context, r store.Record, agent string) error {
	if r.Revocation == "" || !r.LoggedIn() {
		return nil
	}
	w := newWeb(Network(r.Network), agent)
	defer w.close()
	var failure error
	for _, t := range []struct {
		hint  string
		token store.Secret
	}{{"refresh_token", r.Secrets.RefreshToken}, {"access_token", r.Secrets.AccessToken}} {
		if t.token == "" {
			continue
		}
		if err := w.revoke(ctx, r, t.hint, t.token); err != nil && failure == nil {
			failure = fmt.Errorf("%s was not told (%w): a token that somebody has copied may serve until it ends", quoted(r.Issuer), err)
		}
	}
	return failure
}

// revokePatience bounds a revocation that nobody waits for.
const revokePatience = 2 * patience

// revoke revokes the tokens of a record that nobody else has.
func (k *Keeper) revoke(r store.Record) {
	ctx, cancel := context.WithTimeout(context.Background(), revokePatience)
	defer cancel()
	if err := Revoke(ctx, r, k.agent); err != nil {
		k.log.Warn("login not revoked", slog.String("server", r.Server), slog.String("reason", err.Error()))
	}
}

func (w *web) revoke(ctx context.Context, r store.Record, hint string, token store.Secret) error {
	c := client{id: r.ClientID, method: r.Method, secret: r.Secrets.ClientSecret}
	status, _, err := w.postForm(ctx, r.Revocation, c, url.Values{"token": {string(token)}, "token_type_hint": {hint}})
	if err == nil && status/100 != 2 {
		err = statusError(status)
	}
	return err
}
