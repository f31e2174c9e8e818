package login

import (
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/login/store"
	"gatehouse/internal/redact"
)

// Keeper holds the credentials of a gateway's servers. Its methods may be called from
// any goroutine.
type Keeper struct {
	store *store.Store
	agent string
	log   *slog.Logger
	live  *redact.Live
	drop  func(store.Record) // revokes tokens that nobody else has; blocks for revokePatience at most

	mu    sync.Mutex
	known map[store.Key]*Credential
	names map[string]*Credential // by entry
}

// NewKeeper makes a Keeper of what is stored. The secrets that are in use are put
// into live, so that nobody shows them.
func NewKeeper(s *store.Store, agent string, live *redact.Live, log *slog.Logger) *Keeper {
	k := &Keeper{store: s, agent: agent, log: log, live: live, known: map[store.Key]*Credential{}, names: map[string]*Credential{}}
	k.drop = k.revoke
	return k
}

// Of returns the credential of a target, as it is stored now; nil if nobody logs in to
// the target. It reads a file.
func (k *Keeper) Of(t Target) *Credential {
	if k == nil {
		return nil
	}
	if t.Check() != nil {
		k.mu.Lock()
		delete(k.names, t.Name)
		k.mu.Unlock()
		return nil
	}
	key := t.Key()
	k.mu.Lock()
	c := k.known[key]
	if c == nil {
		c = &Credential{keeper: k, key: key, target: t}
		k.known[key] = c
	}
	k.names[t.Name] = c
	k.mu.Unlock()
	c.reload()
	return c
}

// State returns how the login of an entry is; false if there is none and nobody has
// asked for one. It does not block.
func (k *Keeper) State(name string) (State, bool) {
	if k == nil {
		return State{}, false
	}
	k.mu.Lock()
	c := k.names[name]
	k.mu.Unlock()
	if c == nil {
		return State{}, false
	}
	return c.state()
}

// learn has the secrets of all credentials hidden from now on.
func (k *Keeper) learn() {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []redact.Secret
	for _, c := range k.known {
		for _, r := range c.recent() {
			for _, s := range []store.Secret{r.AccessToken, r.RefreshToken, r.ClientSecret} {
				list = append(list, redact.Secret{Name: "login", Value: string(s)})
			}
		}
	}
	k.live.Set(list)
}

// State is how a login is. Nothing in it is secret.
type State struct {
	// LoggedIn reports whether there is a token; NeedsLogin, whether a person has to
	// log in, again or for more scopes.
	LoggedIn, NeedsLogin bool
	Issuer, Account      string
	Store                string
	Expires              time.Time // zero: nobody said
	Renews               bool
	Wanted               []string // scopes that the server asked for in vain
	Trouble              string   // why the last renewal failed, or nothing could be kept
}
