package login

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
)

// waiting is how long a person may take.
const waiting = 5 * time.Minute

// ErrWaited means that the person has not come back in time.
var ErrWaited = errors.New("nobody finished the login within 5 minutes; begin again")

// Options is what a login needs beside its target.
type Options struct {
	Store *store.Store
	// Agent is who asks, as servers are told: gatehouse/VERSION.
	Agent string
	// Open shows the person an address; nil shows none. An error is only said.
	Open func(address string) error
	// Manual reads the answer from Input in place of listening for it; Device waits for
	// a person who enters a code on any machine.
	Manual, Device bool
	Input          io.Reader
	// Place is where the secrets are kept. Default: where those of the login before are,
	// else a keyring that answers, else a file.
	Place store.Place
	// Say tells the person something, in one line.
	Say func(text string)
	Now func() time.Time
}

// Login logs a person in to a target, and returns what was kept. It blocks until the
// person has answered, for 5 minutes at most. The errors are one sentence that says
// what to do next; *Unfit where there is nothing to log in to, and *store.NotKept
// beside a record that is good but could not be written.
func Login(ctx context.Context, t Target, o Options) (store.Record, error) {
	if err := t.Check(); err != nil {
		return store.Record{}, err
	}
	if at := t.inClear(); at != "" {
		o.Say(fmt.Sprintf("Warning: %q is at %s: whoever is on the way there can read the tokens and use them. Use its https address, or a tunnel that ends on this machine.", t.Name, at))
	}
	saved, err := o.Store.Read(t.Key())
	if err != nil {
		o.Say(err.Error())
	}
	f, err := discover(ctx, t, saved, o.Agent)
	if err != nil {
		return store.Record{}, err
	}
	var got store.Record
	switch {
	case t.Auth.Type == serversfile.AuthClientCredentials:
		got, err = byItself(ctx, t, o, f)
	case o.Device:
		got, err = o.byDevice(ctx, t, f, saved)
	default:
		got, err = o.byPerson(ctx, t, f, saved)
	}
	if err != nil {
		return store.Record{}, err
	}
	got.Place = cmp.Or(o.Place, saved.Place, store.Auto)
	return o.Store.Change(context.WithoutCancel(ctx), t.Key(), func(context.Context, store.Record, error) (store.Record, bool, error) {
		return got, true, nil
	})
}

// byItself logs in without a person.
func byItself(ctx context.Context, t Target, o Options, f found) (store.Record, error) {
	c := known(clientRegistered, t.Auth, f.server)
	c.kind = string(serversfile.AuthClientCredentials)
	scopes, _ := wanted{configured: t.Auth.Scopes, challenge: f.challenge.Scopes, resource: f.scopes}.scopes()
	w := newWeb(f.home, o.Agent)
	defer w.close()
	r := renewal{endpoint: f.server.Token, resource: f.resource, client: c, scopes: scopes}
	got, err := r.ask(ctx, w, o.Now())
	if err != nil {
		return store.Record{}, fmt.Errorf("%s refuses the client of the entry: %w; are its client_id and client_secret right?", quoted(f.server.Issuer), err)
	}
	return record(t, f, c, scopes, got, o.Now()), nil
}

// byPerson has a person agree in a browser.
func (o Options) byPerson(ctx context.Context, t Target, f found, saved store.Record) (store.Record, error) {
	if err := checkPKCE(f.server); err != nil {
		return store.Record{}, err
	}
	kind, err := choice(t.Auth, f.server)
	if err != nil {
		return store.Record{}, err
	}
	w := newWeb(f.home, o.Agent)
	defer w.close()
	redirect, answers, err := o.redirect(ctx, kind, t.Auth)
	if err != nil {
		return store.Record{}, err
	}
	if answers != nil {
		defer answers.close(ctx)
	}
	a := attempt{found: f, redirect: redirect, state: rand.Text(), verifier: oauth2.GenerateVerifier(), params: t.Auth.Params}
	a.scopes, a.consent = o.wants(t, f, saved).scopes()
	if a.client, err = o.client(ctx, w, kind, t.Auth, f.server, redirect); err != nil {
		return store.Record{}, err
	}
	code, err := o.await(ctx, w, a, answers)
	if err != nil {
		return store.Record{}, err
	}
	got, err := a.redeem(ctx, w, code, o.Now())
	if err != nil {
		return store.Record{}, fmt.Errorf("%s grants no token for the login: %w; begin again", quoted(f.server.Issuer), err)
	}
	return record(t, f, a.client, a.scopes, got, o.Now()), nil
}

// wants collects what decides which scopes a person's login asks for.
func (o Options) wants(t Target, f found, saved store.Record) wanted {
	return wanted{configured: t.Auth.Scopes, challenge: f.challenge.Scopes, stepUp: stepUp(saved), resource: f.scopes, server: f.server.Scopes}
}

// client returns who asks: a client that is known, or one that registers now.
func (o Options) client(ctx context.Context, w *web, kind string, auth serversfile.Auth, m serverMetadata, redirect string) (client, error) {
	if kind != clientDynamic {
		return known(kind, auth, m), nil
	}
	return register(ctx, w, m, request(m, redirect, auth.Method, o.Device), auth.Method)
}

// stepUp is what a login asks for that replaces one whose scopes were not enough.
func stepUp(saved store.Record) []string {
	if len(saved.Wanted) == 0 {
		return nil
	}
	return union(saved.Scopes, saved.Wanted)
}

// redirect decides where the browser brings the answer, and listens there unless the
// person brings it.
func (o Options) redirect(ctx context.Context, kind string, auth serversfile.Auth) (string, *callback, error) {
	at := redirectAddress(kind, auth)
	if o.Manual {
		if at.Port() == "0" { // Nobody listens; any port will do that a person can read.
			at.Host = at.Hostname() + ":8765"
		}
		return at.String(), nil, nil
	}
	if !isLoopback(at.Hostname()) {
		return "", nil, errors.New("its redirect_uri is not on this machine, so the answer cannot be heard here: log in with --manual")
	}
	answers, err := listen(ctx, at)
	if err != nil {
		return "", nil, err
	}
	if auth.RedirectURI != "" {
		return auth.RedirectURI, answers, nil // As it was registered, byte for byte.
	}
	return answers.redirect, answers, nil
}

// redirectAddress is the address of the callback; its port is 0 where any will do.
// Where the client registers with each login, nobody can guess its path.
func redirectAddress(kind string, auth serversfile.Auth) *url.URL {
	if auth.RedirectURI != "" {
		if u, err := url.Parse(auth.RedirectURI); err == nil {
			if u.Port() == "" && isLoopback(u.Hostname()) {
				u.Host = u.Hostname() + ":" + cmp.Or(portOf(auth), "80")
			}
			return u
		}
	}
	path := "/callback"
	if kind == clientDynamic {
		path = "/callback/" + rand.Text()
	}
	return &url.URL{Scheme: "http", Host: "127.0.0.1:" + cmp.Or(portOf(auth), "0"), Path: path}
}

func portOf(auth serversfile.Auth) string {
	if auth.CallbackPort == 0 {
		return ""
	}
	return strconv.Itoa(auth.CallbackPort)
}

// await shows the person where to agree, and waits for the answer.
func (o Options) await(ctx context.Context, w *web, a attempt, answers *callback) (string, error) {
	address := a.address()
	if err := w.reachable(ctx, a.found.server.Authorize); err != nil {
		return "", fmt.Errorf("the page of %s is not opened: %w", quoted(a.found.server.Issuer), err)
	}
	if text := a.mixed(a.found.server.Authorize); text != "" && !a.found.server.IssPromised {
		o.Say(text)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, waiting, ErrWaited)
	defer cancel()
	if answers == nil {
		o.Say("Open this address in a browser, and agree there:")
		o.Say(address)
		o.Say("The browser ends at an address that it may not be able to show. Paste that address here:")
		return manual(ctx, o.Input, a, func(err error) {
			o.Say(err.Error() + ". Paste the whole address, with what stands behind the question mark:")
		})
	}
	answers.serve(a)
	o.show(address)
	select {
	case got := <-answers.answers:
		return got.code, got.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// show opens the person's browser, and says the address in any case.
func (o Options) show(address string) {
	if o.Open == nil {
		o.Say("Open this address in a browser on this machine, and agree there:")
	} else if err := o.Open(address); err != nil {
		o.Say("No browser could be opened (" + clean(err.Error()) + "). Open this address in one on this machine, or use --manual:")
	} else {
		o.Say("Your browser should show a page on which to agree. If it does not, open this address:")
	}
	o.Say(address)
}

// record is what is kept of a login.
func record(t Target, f found, c client, scopes []string, got tokens, now time.Time) store.Record {
	if got.scopes != nil {
		scopes = got.scopes
	}
	return store.Record{
		Server: t.Name, Shown: t.shownAddress(), Account: t.Auth.Account, Issuer: f.server.Issuer, Resource: f.resource, Network: string(f.home),
		Token: f.server.Token, Revocation: f.server.Revoke, ClientKind: c.kind, ClientID: c.id, Method: c.method,
		Scopes: slices.Clone(scopes), Issued: now.Round(0), Expires: got.expires,
		Secrets: store.Secrets{AccessToken: got.access, RefreshToken: got.refresh, ClientSecret: c.secret},
	}
}
