package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
)

// Credential is what the requests to one server are shown. It is shared by all runs
// and entries that have the same key.
type Credential struct {
	keeper *Keeper
	key    store.Key
	target Target

	renewing turn // one renewal at a time

	mu      sync.Mutex
	record  store.Record
	before  []store.Secrets // earlier ones, which servers may still repeat
	trouble string
	again   time.Time // no renewal before, after one that failed
	unkept  bool      // the record could not be written
	beside  bool      // a login or its end was stored when this was asked for: once none is, somebody has logged out
	asked   bool      // the server has asked for a login
	refused bool      // it wants no such token as this
	forced  time.Time // when a token was renewed as the server refused it
	dead    string    // a header that the server refuses, though its token has not ended
}

// turn is a mutex that is waited for with a context.
type turn struct {
	once sync.Once
	free chan struct{}
}

func (t *turn) take(ctx context.Context) error {
	t.once.Do(func() { t.free = make(chan struct{}, 1) })
	select {
	case t.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *turn) end() { <-t.free }

const (
	// ahead is how long before the end of a token it is renewed, or half of its
	// lifetime if that is shorter.
	ahead = time.Minute
	// retryPause is how long a renewal that failed is not tried again while the token
	// still serves.
	retryPause = 5 * time.Second
	// maxBefore is how many earlier tokens are remembered to be hidden.
	maxBefore = 4
)

// Header returns the Authorization header of the next request, empty if there is no
// login. It blocks while a token is renewed that has ended or is about to. The error
// says why a token that has ended could not be renewed: that may pass.
func (c *Credential) Header(ctx context.Context) (string, error) {
	c.mu.Lock()
	now := time.Now()
	r, fine, dead := c.record, now.Before(c.again), c.dead != "" && c.dead == header(c.record)
	c.mu.Unlock()
	if !dead && (!c.due(r, now) || fine && !over(r, now)) {
		return header(r), nil
	}
	r, err := c.renew(ctx, r, dead)
	if err != nil && !dead && !over(r, time.Now()) {
		err = nil // It still serves.
	}
	return header(r), err
}

func header(r store.Record) string {
	if !r.LoggedIn() {
		return ""
	}
	return "Bearer " + string(r.Secrets.AccessToken)
}

// over reports whether the token has ended, as far as we know.
func over(r store.Record, now time.Time) bool {
	return !r.LoggedIn() || !r.Expires.IsZero() && !now.Before(r.Expires)
}

// due reports whether a record is to be renewed.
func (c *Credential) due(r store.Record, now time.Time) bool {
	switch {
	case !r.LoggedIn():
		return c.target.Auth.Type == serversfile.AuthClientCredentials
	case r.Expires.IsZero() || !r.Renews():
		return false
	}
	return !now.Before(r.Expires.Add(-min(ahead, r.Expires.Sub(r.Issued)/2)))
}

// Refused hears that the server has refused a request with that header, and how. It
// reports whether the request should be made once more: there is another token now,
// or there can be one. It blocks while that is found out.
func (c *Credential) Refused(ctx context.Context, used string, status int, challenges []string) (again bool) {
	said := ParseChallenge(challenges)
	more := status == 403 && said.Error == "insufficient_scope"
	if status != 401 && !more {
		return false
	}
	c.mu.Lock()
	r := c.record
	c.asked = true
	c.mu.Unlock()
	if header(r) != used {
		return header(r) != "" // It was renewed meanwhile.
	}
	if stored, err := c.keeper.store.Read(c.key); err == nil && stored.LoggedIn() && header(stored) != used && c.follow(stored) {
		return true
	}
	if status == 401 && used != "" && r.Renews() {
		next, err := c.renew(ctx, r, true)
		switch {
		case err != nil && !errors.Is(err, errNoHelp):
			return c.bury(used) // Header says why there is no other token, until there is.
		case err == nil && next.LoggedIn():
			return header(next) != used
		}
	}
	c.noteRefused(used)
	c.want(ctx, said, more)
	return false
}

// errNoHelp means that a token which the server refuses has just come in place of
// another one that it refused.
var errNoHelp = errors.New("the server refuses a token that was renewed just now")

// force reports whether a token that the server refuses may be renewed: not if that
// was done just now and did not help.
func (c *Credential) force() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.forced) < retryPause {
		return false
	}
	c.forced = time.Now()
	return true
}

// bury notes that a token is refused that could not be renewed, for a reason that may
// pass. It reports whether that token is the one in force.
func (c *Credential) bury(used string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if header(c.record) != used {
		return false
	}
	c.dead = used
	return true
}

func (c *Credential) noteRefused(used string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if used != "" && header(c.record) == used {
		c.refused = true
	}
}

// want keeps what the server asked for, for the login to come.
func (c *Credential) want(ctx context.Context, said Challenge, more bool) {
	c.mu.Lock()
	r := c.record
	c.mu.Unlock()
	next := r
	if said.Metadata != "" && len(said.Metadata) <= maxURL {
		next.Metadata = said.Metadata
	}
	if len(said.Scopes) > 0 && (more || !r.LoggedIn()) {
		next.Wanted = union(r.Wanted, said.Scopes)[:min(maxScopes, len(union(r.Wanted, said.Scopes)))]
	}
	if next.Metadata == r.Metadata && slices.Equal(next.Wanted, r.Wanted) {
		return
	}
	noted := false
	got, _ := c.keeper.store.Change(ctx, c.key, func(_ context.Context, old store.Record, err error) (store.Record, bool, error) {
		if err != nil || !old.Equal(r) {
			return r, false, err // It is another login's, or cannot be read.
		}
		old.Metadata, old.Wanted, noted = next.Metadata, next.Wanted, true
		return old, true, nil
	})
	if noted { // It counts here also if it could not be written.
		c.follow(got)
	}
}

// reload takes what is stored now, unless what is in force could not be stored.
func (c *Credential) reload() {
	r, err := c.keeper.store.Read(c.key)
	if err != nil {
		c.mu.Lock()
		c.trouble = err.Error()
		c.mu.Unlock()
		return
	}
	c.follow(r)
}

// follow puts a record that is stored in force, unless the one in force could not be
// stored and counts for more. It reports whether it did. One that could not be stored is
// revoked once somebody has logged out: nobody else has it.
func (c *Credential) follow(stored store.Record) bool {
	c.mu.Lock()
	takes, dropped := !c.unkept || c.replaced(stored), store.Record{}
	if takes {
		if c.unkept && loggedOut(stored) {
			dropped = c.record
		}
		c.put(stored, false)
	}
	c.mu.Unlock()
	if takes {
		c.keeper.learn()
	}
	if dropped.LoggedIn() {
		go c.keeper.drop(dropped) // Ends within revokePatience.
	}
	return takes
}

// loggedOut reports whether a record is what a logout leaves.
func loggedOut(stored store.Record) bool { return !stored.LoggedIn() && stored.Ended == "" }

// replaced reports whether what is stored counts for more than a record that could not
// be: it is newer, or somebody has logged out. That another process has ended the one
// before says nothing of this one. c.mu is held.
func (c *Credential) replaced(stored store.Record) bool {
	return stored.Issued.After(c.record.Issued) || c.beside && loggedOut(stored)
}

// adopt puts a record in force that was just made, whether it could be written or not.
func (c *Credential) adopt(r store.Record, unkept bool) {
	c.mu.Lock()
	c.put(r, unkept)
	c.mu.Unlock()
	c.keeper.learn()
}

// put puts a record in force. c.mu is held, and the keeper learns of it afterwards.
func (c *Credential) put(r store.Record, unkept bool) {
	if !c.record.Equal(r) {
		c.before = append([]store.Secrets{c.record.Secrets}, c.before...)
		c.before = c.before[:min(len(c.before), maxBefore)]
		c.trouble, c.again, c.refused = "", time.Time{}, false
	}
	c.record, c.unkept = r, unkept
}

// recent lists the secrets in use and some earlier ones.
func (c *Credential) recent() []store.Secrets {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]store.Secrets{c.record.Secrets}, c.before...)
}

func (c *Credential) state() (State, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.record
	wanted := lacks(r.Scopes, r.Wanted)
	return State{
		LoggedIn: r.LoggedIn(), NeedsLogin: !r.LoggedIn() || c.refused || len(wanted) > 0, Issuer: r.Issuer, Account: c.key.Account, Store: string(cmp.Or(r.Place, store.InFile)),
		Expires: r.Expires, Renews: r.LoggedIn() && r.Renews(), Wanted: wanted, Trouble: c.trouble,
	}, r.LoggedIn() || c.asked || r.Ended != "" || len(wanted) > 0
}

// fail notes why a renewal failed.
func (c *Credential) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble, c.again = err.Error(), time.Now().Add(retryPause)
}

// unrenewed words why there is no new token.
func unrenewed(r store.Record, err error) error {
	return fmt.Errorf("cannot renew the login at %s: %w", quoted(r.Issuer), err)
}
