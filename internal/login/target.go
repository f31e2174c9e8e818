package login

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
)

// Target is a url server that is logged in to.
type Target struct {
	// Name is the entry's.
	Name string
	// URL is fully expanded and may hold secrets; Shown may not.
	URL, Shown string
	// Headers are the entry's own.
	Headers map[string]string
	Auth    serversfile.Auth
}

// Key is the target's credential.
func (t Target) Key() store.Key {
	resource := t.URL
	if u, err := url.Parse(t.URL); err == nil {
		resource = canonical(u)
	}
	return store.Key{Resource: resource, Issuer: t.Auth.Issuer, Client: t.client(), Account: t.Auth.Account}
}

// client is the kind of client that the entry asks for.
func (t Target) client() string {
	switch a := t.Auth; {
	case a.Type == serversfile.AuthClientCredentials:
		return string(a.Type) + " " + a.ClientID
	case a.ClientID != "":
		return clientRegistered + " " + a.ClientID
	case a.ClientMetadataURL != "":
		return clientMetadata + " " + a.ClientMetadataURL
	}
	return ""
}

// Unfit means that there is nothing to log in to.
type Unfit struct{ Why string }

func (e *Unfit) Error() string { return e.Why }

// Check returns *Unfit if nobody logs in to the target. machine allows what logs in
// by itself.
func (t Target) Check() error {
	for name := range t.Headers {
		if http.CanonicalHeaderKey(name) == "Authorization" {
			return &Unfit{fmt.Sprintf(`%q has an Authorization header of its own in its entry, and uses that; remove it to log in`, t.Name)}
		}
	}
	if t.Auth.Type == serversfile.AuthNone {
		return &Unfit{fmt.Sprintf(`the entry of %q says "auth": {"type": "none"}; remove that to log in`, t.Name)}
	}
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return &Unfit{fmt.Sprintf("%q has no http or https address", t.Name)}
	}
	if u.User != nil {
		return &Unfit{fmt.Sprintf("the address of %q has a user name in it, and that is used; remove it to log in", t.Name)}
	}
	return nil
}

// inClear returns the origin to which tokens would go in clear text, over plain http
// to another machine; "" if they don't.
func (t Target) inClear() string {
	u, err := url.Parse(t.URL)
	if err != nil || !strings.EqualFold(u.Scheme, "http") || isLoopback(u.Hostname()) {
		return ""
	}
	return origin(u)
}

// shownAddress is an address without what may be secret in it.
func (t Target) shownAddress() string {
	if t.Shown != "" {
		return t.Shown
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(origin(u))
}
