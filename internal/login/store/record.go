package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Key says which credential is meant. Entries of the servers file that have the same
// key share a credential, whatever they are called.
type Key struct {
	// Resource is the address of the server.
	Resource string
	// Issuer is the authorization server that the entry insists on; empty if it
	// doesn't.
	Issuer string
	// Client is the kind of client, with its id where the entry has one.
	Client string
	// Account tells two credentials for one server apart.
	Account string
}

// id is the name of the key's files. It shows nothing of the address, which may
// hold secrets.
func (k Key) id() string {
	h := sha256.New()
	for _, part := range []string{k.Resource, k.Issuer, k.Client, k.Account} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Secret is a text that prints as a placeholder.
type Secret string

// Format implements fmt.Formatter: no verb shows the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue implements slog.LogValuer: no log has the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Secrets are the parts of a record that nobody may see.
type Secrets struct {
	AccessToken  Secret `json:"access_token,omitempty"`
	RefreshToken Secret `json:"refresh_token,omitempty"`
	ClientSecret Secret `json:"client_secret,omitempty"`
}

// Record is one credential: the outcome of a login, and what is needed to renew
// it. One without an access token is no login, but may say what the next one
// should ask for.
type Record struct {
	// Server is the entry for which somebody logged in, and Shown its address
	// without what may be secret.
	Server  string `json:"server,omitempty"`
	Shown   string `json:"shown,omitempty"`
	Account string `json:"account,omitempty"`

	Issuer string `json:"issuer,omitempty"`
	// Resource is the resource parameter of each request; empty sends none.
	Resource string `json:"resource,omitempty"`
	// Network is the kind of address that the authorization server may have beside
	// public ones.
	Network    string `json:"network,omitempty"`
	Token      string `json:"token_endpoint,omitempty"`
	Revocation string `json:"revocation_endpoint,omitempty"`

	// Item is what the secrets are called in the keyring: another name each time, so
	// that a keyring which answers late changes nothing that is in use.
	Item string `json:"item,omitempty"`
	// Unused are items that the keyring may have besides, of writes that did not end or
	// of what was there before.
	Unused []string `json:"unused_items,omitempty"`

	// ClientKind is how the client came to be: dynamic, metadata, registered or
	// client_credentials.
	ClientKind string `json:"client_kind,omitempty"`
	ClientID   string `json:"client_id,omitempty"`
	// Method is how the client shows its secret at the token endpoint.
	Method string `json:"token_endpoint_auth_method,omitempty"`

	Scopes  []string  `json:"scopes,omitempty"` // that the tokens are for
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires,omitzero"` // of the access token; zero if nobody said

	// Wanted are scopes that the server asked for in vain, and Metadata where it said
	// that it describes itself: the next login asks for them there.
	Wanted   []string `json:"wanted,omitempty"`
	Metadata string   `json:"resource_metadata,omitempty"`
	// Ended says why the login is of no use any more; empty if it is.
	Ended string `json:"ended,omitempty"`

	// Place is where Secrets are; empty is a file.
	Place   Place   `json:"store,omitempty"`
	Secrets Secrets `json:"secrets,omitzero"`
}

// LoggedIn reports whether there is an access token.
func (r Record) LoggedIn() bool { return r.Secrets.AccessToken != "" }

// Renews reports whether the credential can be renewed without a person.
func (r Record) Renews() bool {
	return r.Secrets.RefreshToken != "" || r.ClientKind == "client_credentials"
}

// Equal reports whether two records hold the same tokens.
func (r Record) Equal(other Record) bool { return r.Secrets == other.Secrets }

// Who names a record for people: the entry, with the account if there is one.
func (r Record) Who() string {
	return strings.TrimSuffix(r.Server+" ("+r.Account+")", " ()")
}

// empty reports whether a record has nothing but names: that of whoever is about to log
// in, and those of items of a keyring.
func (r Record) empty() bool {
	return reflect.DeepEqual(r, Record{Server: r.Server, Shown: r.Shown, Account: r.Account, Unused: r.Unused})
}
