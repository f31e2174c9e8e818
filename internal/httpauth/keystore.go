package httpauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/identity"
)

// How long keys are used, and how often they are asked for.
const (
	KeysFresh = 10 * time.Minute // until they are asked for again; those of a file KeysRetry
	KeysStale = time.Hour        // until they are no longer trusted
	KeysRetry = 10 * time.Second // between two attempts

	fetchTimeout = 10 * time.Second
	maxSources   = 4
)

// ErrNoKeys means that the issuer's keys are unavailable, so that none of its
// tokens can be checked.
var ErrNoKeys = errors.New("the issuer's keys cannot be had at the moment")

// Source is where keys are: a url or a file.
type Source struct{ URL, File string }

// KeyStore has the keys of issuers. Its methods are safe for concurrent use.
// It runs no goroutines of its own: whoever needs keys fetches them.
type KeyStore struct {
	readFile func(path string) ([]byte, error)
	log      *slog.Logger
	client   *http.Client

	mu      sync.Mutex
	entries map[Source]*entry
}

// entry is what is known about one source. Whoever fetches holds busy.
type entry struct {
	busy chan struct{}

	mu      sync.Mutex
	keys    identity.Keys
	got     time.Time // when the keys came; zero without any
	tried   time.Time // when an attempt last ended
	version int       // counts the attempts that ended
}

// NewKeyStore makes a KeyStore. readFile reads a jwks_file as the rules file
// names it, with a limit. client may be nil.
func NewKeyStore(readFile func(path string) ([]byte, error), client *http.Client, log *slog.Logger) *KeyStore {
	c := http.Client{}
	if client != nil {
		c = *client
	}
	c.Timeout = fetchTimeout
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &KeyStore{readFile: readFile, log: log, client: &c, entries: map[Source]*entry{}}
}

// Get returns the keys of a source. It fetches them if it has none or they are no
// longer fresh, and blocks meanwhile, at most until ctx ends. Keys that cannot be
// renewed are good until they are stale. The error is ErrNoKeys.
func (k *KeyStore) Get(ctx context.Context, s Source) (identity.Keys, error) {
	e := k.entry(s)
	keys, age, _ := e.now()
	// Good keys are enough while somebody else waits for fresh ones.
	if age < s.fresh() || age < KeysStale && len(e.busy) > 0 {
		return keys, nil
	}
	return k.renew(ctx, s, e)
}

// Renew is Get for a caller who misses a key in the present ones. It fetches
// again, unless that was tried less than KeysRetry ago.
func (k *KeyStore) Renew(ctx context.Context, s Source) (identity.Keys, error) {
	return k.renew(ctx, s, k.entry(s))
}

func (k *KeyStore) entry(s Source) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.entries[s]
	if e == nil {
		if len(k.entries) >= maxSources {
			clear(k.entries) // Of sources that earlier rules named.
		}
		e = &entry{busy: make(chan struct{}, 1)}
		k.entries[s] = e
	}
	return e
}

// renew asks for keys, one caller at a time. Those who waited for it take what
// it brought.
func (k *KeyStore) renew(ctx context.Context, s Source, e *entry) (identity.Keys, error) {
	_, _, before := e.now()
	select {
	case e.busy <- struct{}{}:
	case <-ctx.Done():
		return identity.Keys{}, ErrNoKeys
	}
	defer func() { <-e.busy }()
	if e.due(before) {
		// The caller may give up; the keys are for all.
		keys, err := k.read(context.WithoutCancel(ctx), s)
		e.took(keys, err)
		if err != nil {
			k.log.LogAttrs(ctx, slog.LevelWarn, "issuer's keys not read", slog.String("from", s.name()), slog.Any("err", err))
		}
	}
	keys, age, _ := e.now()
	if age >= KeysStale {
		return identity.Keys{}, ErrNoKeys
	}
	return keys, nil
}

// due reports whether to ask now: not if another attempt ended since before,
// or too short a time ago.
func (e *entry) due(before int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.version == before && (e.tried.IsZero() || time.Since(e.tried) >= KeysRetry)
}

// took notes how an attempt ended.
func (e *entry) took(keys identity.Keys, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tried = time.Now()
	e.version++
	if err == nil {
		e.keys, e.got = keys, e.tried
	}
}

// now returns the present keys and their age, which is KeysStale without any.
func (e *entry) now() (keys identity.Keys, age time.Duration, version int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.got.IsZero() {
		return identity.Keys{}, KeysStale, e.version
	}
	return e.keys, time.Since(e.got), e.version
}

// fresh is how long keys of the source need not be read again. A file is
// cheap.
func (s Source) fresh() time.Duration {
	if s.File != "" {
		return KeysRetry
	}
	return KeysFresh
}

// name is the source for logs: a url could hold a secret behind its path.
func (s Source) name() string {
	if s.File != "" {
		return "jwks_file"
	}
	return "jwks_url"
}

func (k *KeyStore) read(ctx context.Context, s Source) (identity.Keys, error) {
	var src []byte
	var err error
	if s.File != "" {
		src, err = k.readFile(s.File)
	} else {
		src, err = k.fetch(ctx, s.URL)
	}
	if err != nil {
		return identity.Keys{}, err
	}
	return identity.ParseKeys(src)
}

func (k *KeyStore) fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("cannot fetch keys: the address cannot be used")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot fetch keys: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("cannot fetch keys: the answer has status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, identity.MaxKeysBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot fetch keys: %w", withoutURL(err))
	}
	return body, nil
}
