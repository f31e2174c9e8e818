package ops

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The bounds of links and sessions.
const (
	// LinkLife is for how long a link opens the page, once.
	LinkLife    = time.Minute
	sessionLife = 12 * time.Hour
	maxLinks    = 16 // at one time; the oldest goes
	maxSessions = 64 // likewise
)

// reader is as whom a request is let in. The zero reader is nobody.
type reader string

const (
	byCookie reader = "the page, opened by a link"
	byToken  reader = "a bearer token"
	byReach  reader = "the page on loopback"
)

var errNoCredential = errors.New("a credential is needed")

// access says who may read and act. Its methods may be called from any
// goroutine.
type access struct {
	token    func() (string, error) // nil: whoever reaches the listener may read
	act      string                 // what each action must hold
	cookie   string                 // its name: browsers share cookies between ports
	secure   bool
	now      func() time.Time
	mu       sync.Mutex
	links    []secret
	sessions []secret
}

// secret is the hash of a text that opens something until a time.
type secret struct {
	hash  [sha256.Size]byte
	until time.Time
	here  bool // it opens for the gateway's own user alone, on this machine
}

func newAccess(o Options) *access {
	return &access{token: o.Token, act: rand.Text(), cookie: "gatehouse-ops-" + o.Instance, secure: o.Secure, now: o.Now}
}

// link returns the code of a new link.
func (a *access) link(here bool) string {
	return a.issue(&a.links, secret{until: a.now().Add(LinkLife), here: here}, maxLinks)
}

// issue adds a new secret to a list and returns its text.
func (a *access) issue(list *[]secret, s secret, limit int) string {
	text := rand.Text()
	s.hash = sha256.Sum256([]byte(text))
	a.mu.Lock()
	defer a.mu.Unlock()
	*list = append(*list, s)
	if len(*list) > limit {
		*list = slices.Delete(*list, 0, len(*list)-limit)
	}
	return text
}

// find returns the index of a text in a list, from which it drops what has
// expired; -1 if it is not there. The caller holds the lock.
func (a *access) find(list *[]secret, text string) int {
	hash, now := sha256.Sum256([]byte(text)), a.now()
	*list = slices.DeleteFunc(*list, func(s secret) bool { return now.After(s.until) })
	return slices.IndexFunc(*list, func(s secret) bool { return subtle.ConstantTimeCompare(s.hash[:], hash[:]) == 1 })
}

// inSession reports whether a text is that of a session which has not expired.
func (a *access) inSession(text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.find(&a.sessions, text) >= 0
}

// redeem reports whether a code is that of a link which has not expired. One that
// opens for the gateway's user alone stays as it is when somebody else asks;
// otherwise it is used up.
func (a *access) redeem(code string, byUser bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.find(&a.links, code)
	if i < 0 || a.links[i].here && !byUser {
		return false
	}
	a.links = slices.Delete(a.links, i, i+1)
	return true
}

// enter turns a link's code into a cookie, once. It reports whether it did. byUser
// says that the gateway's own user asks, on this machine.
func (a *access) enter(w http.ResponseWriter, code string, byUser bool) bool {
	if !a.redeem(code, byUser) {
		return false
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the listener is: on loopback it need not be.
		Name: a.cookie, Value: a.issue(&a.sessions, secret{until: a.now().Add(sessionLife)}, maxSessions), Path: "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteStrictMode,
	})
	return true
}

// of says as whom a request is let in. The error is errNoCredential, or why the
// token cannot be compared. It may read the token's file.
func (a *access) of(r *http.Request) (reader, error) {
	if c, err := r.Cookie(a.cookie); err == nil && a.inSession(c.Value) {
		return byCookie, nil
	}
	if a.token == nil {
		return byReach, nil
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errNoCredential
	}
	want, err := a.token()
	if err != nil {
		return "", err
	}
	if !equal(strings.TrimSpace(given), want) {
		return "", errNoCredential
	}
	return byToken, nil
}

// equal compares in a time that says nothing about the texts.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
