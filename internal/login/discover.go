package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
)

// found is what a login is made with.
type found struct {
	home      Network
	resource  string // the resource parameter; empty sends none
	challenge Challenge
	scopes    []string // scopes_supported of the resource
	server    serverMetadata
}

// discover finds the authorization server of a target. saved is what is kept of
// earlier logins: it may know where the server describes itself.
func discover(ctx context.Context, t Target, saved store.Record, agent string) (found, error) {
	base, err := url.Parse(t.URL)
	if err != nil {
		return found{}, errors.New("its address is not a url")
	}
	p, err := probe(ctx, t, agent)
	if err != nil {
		return found{}, err
	}
	f := found{home: p.home, challenge: p.challenge}
	if f.challenge.Metadata == "" {
		f.challenge.Metadata = saved.Metadata
	}
	w := newWeb(f.home, agent)
	defer w.close()
	described, err := describe(ctx, w, base, f.challenge.Metadata)
	if err != nil {
		return f, err
	}
	f.scopes = cleanScopes(described.Scopes)
	if f.resource, err = resourceOf(t.Auth, base, described); err != nil {
		return f, err
	}
	f.server, err = findServer(ctx, w, t, base, described.Servers)
	if _, none := errors.AsType[*notHere](err); none {
		return f, noServer(t, p, described)
	}
	if err == nil {
		err = checkSameServer(t.Auth, f.server, saved)
	}
	return f, err
}

// checkSameServer refuses another authorization server than before to an entry that
// has a client: whoever answers for the server could have its secret sent anywhere.
func checkSameServer(auth serversfile.Auth, m serverMetadata, saved store.Record) error {
	if auth.ClientID == "" || auth.Issuer != "" || saved.Issuer == "" || sameIssuer(m.Issuer, saved.Issuer) {
		return nil
	}
	return fmt.Errorf("its authorization server was %s, and now it names %s, to which the client of the entry was not sent; if that is the right one, set gateway.auth.issuer to it",
		quoted(saved.Issuer), quoted(m.Issuer))
}

// noServer says that there is nobody to log in with.
func noServer(t Target, p probed, described resourceMetadata) error {
	switch {
	case p.status/100 == 2 && described.Servers == nil:
		return &Unfit{fmt.Sprintf("%q wants no login: it answers without one", t.Name)}
	case described.Servers == nil && t.Auth.Issuer == "":
		return errors.New("it names no authorization server, and its own address has none; if it wants a token of another kind, put that into the entry's headers, else set gateway.auth.issuer")
	}
	return errors.New("its authorization server has no metadata; is gateway.auth.issuer right?")
}

// describe reads the resource's metadata; they are empty if there are none.
func describe(ctx context.Context, w *web, base *url.URL, challenged string) (resourceMetadata, error) {
	for _, place := range resourcePlaces(base, challenged) {
		if u, err := url.Parse(place); err != nil || !sameOrigin(u, base) {
			if _, err := checkEndpoint(place, w.home); err != nil {
				return resourceMetadata{}, fmt.Errorf("it says that its metadata are at %s, which cannot be used: %w", quoted(place), err)
			}
		}
		var m resourceMetadata
		err := w.get(ctx, place, &m)
		if err == nil {
			return m, nil
		}
		if _, next := errors.AsType[*notHere](err); !next {
			return m, fmt.Errorf("cannot read what it says of itself at %s: %w", quoted(withoutQuery(place)), err)
		}
	}
	if challenged != "" {
		return describe(ctx, w, base, "")
	}
	return resourceMetadata{}, nil
}

// resourceOf returns the resource parameter.
func resourceOf(auth serversfile.Auth, base *url.URL, m resourceMetadata) (string, error) {
	switch {
	case auth.Resource != nil:
		return *auth.Resource, nil
	case m.Resource == "":
		return canonical(base), nil
	}
	return m.Resource, checkResource(base, m.Resource)
}

// maxServers is how many authorization servers of a resource are looked at.
const maxServers = 5

// findServer finds the metadata of the authorization server: of one that the
// resource names, else that the entry names, else of the server's own origin. The
// error is *notHere if there are none.
func findServer(ctx context.Context, w *web, t Target, base *url.URL, named texts) (serverMetadata, error) {
	issuers := named[:min(len(named), maxServers)]
	switch {
	case t.Auth.Issuer != "":
		issuers = append(slices.Clip(issuers), t.Auth.Issuer)
	case len(issuers) == 0:
		issuers = texts{origin(base)}
	}
	var failure error
	for _, issuer := range issuers {
		m, err := readServer(ctx, w, issuer)
		if err == nil {
			err = checkIssuer(m, issuer, t.Auth.Issuer)
		}
		if err == nil {
			return m, checkServer(m, w.home)
		}
		if _, none := errors.AsType[*notHere](failure); failure == nil || none {
			failure = err // The first one that says more than that there is nothing.
		}
		if ctx.Err() != nil {
			break
		}
	}
	return serverMetadata{}, failure
}

// readServer reads the metadata of one issuer.
func readServer(ctx context.Context, w *web, issuer string) (serverMetadata, error) {
	u, err := checkEndpoint(issuer, w.home)
	if err != nil {
		return serverMetadata{}, fmt.Errorf("the authorization server %s cannot be used: %w", quoted(issuer), err)
	}
	var last error
	for _, place := range issuerPlaces(u) {
		var m serverMetadata
		err := w.get(ctx, place, &m)
		if err == nil {
			return m, nil
		}
		last = fmt.Errorf("cannot read the metadata of the authorization server %s: %w", quoted(issuer), err)
		if _, next := errors.AsType[*notHere](err); !next {
			break
		}
	}
	return serverMetadata{}, last
}

func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u.String()
}
