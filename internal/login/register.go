package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
)

// The kinds of clients.
const (
	clientDynamic    = "dynamic"
	clientMetadata   = "metadata"
	clientRegistered = "registered"
)

// The ways in which a client shows its secret.
const (
	methodNone  = "none"
	methodPost  = "client_secret_post"
	methodBasic = "client_secret_basic"
)

// client is who asks an authorization server.
type client struct {
	kind, id, method string
	secret           store.Secret
}

// choice decides which kind of client a login is made with: a registered one, one
// that describes itself at an address, else one that registers.
func choice(auth serversfile.Auth, m serverMetadata) (kind string, err error) {
	switch {
	case auth.ClientID != "":
		return clientRegistered, nil
	case auth.ClientMetadataURL != "" && m.ClientURLs:
		return clientMetadata, nil
	case m.Register != "":
		return clientDynamic, nil
	case auth.ClientMetadataURL != "":
		return "", fmt.Errorf("%s knows neither clients that describe themselves (client_metadata_url) nor registration; register a client there and set gateway.auth.client_id", quoted(m.Issuer))
	}
	return "", fmt.Errorf("%s does not let clients register themselves; register one there by hand, with the redirect address %s, "+
		"and set gateway.auth.client_id (client_secret if it gets one, callback_port for another port)", quoted(m.Issuer), defaultRedirect)
}

// defaultRedirect is the address that people register where they register by hand.
const defaultRedirect = "http://127.0.0.1:8765/callback"

// known makes the client of an entry that has one.
func known(kind string, auth serversfile.Auth, m serverMetadata) client {
	c := client{kind: kind, id: auth.ClientID, secret: store.Secret(auth.ClientSecret)}
	if kind == clientMetadata {
		c.id, c.secret = auth.ClientMetadataURL, ""
	}
	c.method = methodOf(auth.Method, "", c.secret != "", m.Methods)
	return c
}

// methodOf decides how a client shows its secret: as the entry says, as the
// registration has answered, as the server lists, else in the body.
func methodOf(configured, registered string, secret bool, listed texts) string {
	switch {
	case configured != "":
		return configured
	case !secret:
		return methodNone
	case registered == methodBasic, registered == methodPost:
		return registered
	case listed.has(methodPost), !listed.has(methodBasic):
		return methodPost
	}
	return methodBasic
}

// registration is what we say of ourselves, by RFC 7591.
type registration struct {
	Name        string   `json:"client_name"`
	Redirects   []string `json:"redirect_uris"`
	Grants      []string `json:"grant_types"`
	Responses   []string `json:"response_types"`
	Method      string   `json:"token_endpoint_auth_method"`
	Application string   `json:"application_type"`
}

// registered is what matters of the answer.
type registered struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Method string `json:"token_endpoint_auth_method"`
	Error  string `json:"error"`
	Reason string `json:"error_description"`
}

// request is what is asked of a server.
func request(m serverMetadata, redirect, configured string, device bool) registration {
	r := registration{
		Name: "gatehouse", Redirects: []string{redirect}, Grants: []string{"authorization_code", "refresh_token"},
		Responses: []string{"code"}, Method: methodNone, Application: "native",
	}
	if device {
		r.Grants = append(r.Grants, deviceGrant)
	}
	for _, method := range []string{methodNone, methodBasic, methodPost} {
		if m.Methods.has(method) {
			r.Method = method
			break
		}
	}
	if configured != "" {
		r.Method = configured
	}
	return r
}

// deviceGrant is the grant of RFC 8628.
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// register makes a client. Each login makes one of its own: a server may have
// forgotten the last one, and tells that only to the person, on a page that leads
// nowhere.
func register(ctx context.Context, w *web, m serverMetadata, ask registration, configured string) (client, error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return client{}, fmt.Errorf("internal: %w", err)
	}
	status, data, err := w.post(ctx, m.Register, "application/json", body, map[string][]string{})
	if err != nil {
		return client{}, fmt.Errorf("cannot register at %s: %w", quoted(m.Issuer), err)
	}
	var r registered
	if err := decode(data, &r); err != nil && status/100 == 2 {
		return client{}, fmt.Errorf("cannot register at %s: %w", quoted(m.Issuer), err)
	}
	if status/100 != 2 || r.ID == "" {
		return client{}, fmt.Errorf("%s refuses to register a client: %w", quoted(m.Issuer), refusedBecause(status, r.Error, secrets{r.Secret}.hide(r.Reason)))
	}
	if !slices.ContainsFunc([]int{len(r.ID), len(r.Secret)}, func(n int) bool { return n > maxToken }) {
		c := client{kind: clientDynamic, id: r.ID, secret: store.Secret(r.Secret)}
		c.method = methodOf(configured, r.Method, r.Secret != "", m.Methods)
		return c, nil
	}
	return client{}, errors.New("cannot register: the client's id or secret is too long")
}

// refusedBecause words an error of OAuth.
func refusedBecause(status int, code, description string) error {
	switch {
	case code == "":
		return statusError(status)
	case clean(description) == "":
		return errors.New(clean(code))
	}
	return fmt.Errorf("%s (%s)", clean(code), clean(description))
}
