package store

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/zalando/go-keyring"

	"gatehouse/internal/rawjson"
)

// Place is where the secrets of a record are.
type Place string

// The places. Auto is a keyring that answers, else a file; it is decided when the
// record is first written, and kept.
const (
	Auto      Place = "auto"
	InFile    Place = "file"
	InKeyring Place = "keyring"
)

// Keyring keeps secrets for the user. Its methods may block for as long as they like.
type Keyring interface {
	Set(user, secret string) error
	Get(user string) (string, error)
	Delete(user string) error
}

// service is what our secrets are called in a keyring.
const service = "gatehouse"

// keyringPatience is how long a keyring is waited for.
const keyringPatience = 2 * time.Second

// System is the keyring of the system: the Secret Service, the Keychain, or the
// Credential Manager.
type System struct{}

// Set implements [Keyring].
func (System) Set(user, secret string) error {
	if err := reachable(); err != nil {
		return err
	}
	return guarded(func() error { return keyring.Set(service, user, secret) })
}

// Get implements [Keyring].
func (System) Get(user string) (secret string, err error) {
	if err := reachable(); err != nil {
		return "", err
	}
	err = guarded(func() (err error) {
		secret, err = keyring.Get(service, user)
		return err //nolint:wrapcheck // The store says what it was for.
	})
	return secret, err
}

// Delete implements [Keyring].
func (System) Delete(user string) error {
	if err := reachable(); err != nil {
		return err
	}
	return guarded(func() error { return keyring.Delete(service, user) })
}

// guarded returns an error where the library panics: as when the session bus ends, or
// talks nonsense, while the keyring asks for its password.
func guarded(ask func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = ErrEnded
		}
	}()
	return ask()
}

// ErrEnded means that nobody can tell what a keyring has done.
var ErrEnded = errors.New("it ended, or made no sense, while it was asked; has the session ended?")

// Gone reports whether a keyring has said that it has no such item.
func Gone(err error) bool { return errors.Is(err, keyring.ErrNotFound) }

// reachable reports whether there is a bus on which a keyring may be. Without one the
// library would start a bus of its own, on which nobody answers.
func reachable() error {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	return errors.New("there is no session bus (DBUS_SESSION_BUS_ADDRESS)")
}

// errSilent means that a keyring does not answer: it is locked, and nobody unlocks it.
var errSilent = errors.New("it did not answer within 2 s; is it locked?")

// inTime waits for a keyring for a while: see [InTime].
func inTime[T any](ask func() (T, error), late func()) (T, error) {
	return InTime(keyringPatience, errSilent, ask, late)
}

// item is what the secrets of a record are called in the keyring: id, where a
// version before has written it.
func item(id string, r Record) string { return cmp.Or(r.Item, id) }

// hide puts the secrets of a record into the keyring, as a new item, which the file
// names before the keyring has it. What the keyring had of it stays for as long as the
// file does not use the new one.
func (s *Store) hide(k Key, r *Record, before Record) error {
	switch {
	case s.keyring == nil:
		return errors.New("there is no keyring")
	case len(r.Unused) >= maxUnused: // A name that is forgotten is a secret that stays there for ever.
		return fmt.Errorf("the keyring of the system does not take it: it still has %d earlier ones that it was to remove; is it locked?", len(r.Unused))
	}
	secrets, name := r.Secrets, k.id()+"-"+rand.Text()
	data, err := json.Marshal(secrets) //nolint:gosec // That they are secrets is why they go there.
	if err != nil {
		return fmt.Errorf("internal: %w", err)
	}
	if err := s.announce(k, *r, before, name); err != nil {
		return err
	}
	has, err := s.entrust(name, string(data))
	switch {
	case err != nil && has:
		r.Unused = append(r.Unused, name)
	case err != nil:
		s.withdraw(k, *r, before)
	default:
		r.Item = name
		return nil
	}
	return fmt.Errorf("the keyring of the system does not take it: %w", err)
}

// entrust puts an item into the keyring, and looks whether it is there: the library does not say
// if its owner has dismissed its question. After an error has reports whether it may
// have the item all the same, or still take it.
func (s *Store) entrust(name, data string) (has bool, err error) {
	has, err = inTime(func() (bool, error) {
		if err := s.keyring.Set(name, data); err != nil {
			return errors.Is(err, ErrEnded), err
		}
		switch got, err := s.keyring.Get(name); {
		case Gone(err):
			return false, errDismissed
		case err != nil:
			return true, err
		case got != data:
			return true, errBroken
		}
		return true, nil
	}, func() { _ = s.keyring.Delete(name) })
	return has || errors.Is(err, errSilent), err
}

// errDismissed means that a keyring has done nothing, without an error.
var errDismissed = errors.New("it did nothing; was its question dismissed?")

// announce writes into the file what is there already, and the name of an item that the
// keyring is about to get.
func (s *Store) announce(k Key, r, before Record, name string) error {
	if before.empty() {
		before = Record{Server: r.Server, Shown: r.Shown, Account: r.Account}
	}
	before.Unused = append(slices.Clone(r.Unused), name)
	return s.put(k.id(), before)
}

// withdraw undoes announce, as far as it can: a name too many does no harm.
func (s *Store) withdraw(k Key, r, before Record) {
	if before.empty() && len(r.Unused) == 0 {
		_ = os.Remove(s.path(k.id()))
		return
	}
	before.Unused = r.Unused
	_ = s.put(k.id(), before)
}

// reveal takes the secrets of a record out of the keyring.
func (s *Store) reveal(id string, r *Record) error {
	if r.Place != InKeyring {
		return nil
	}
	if s.keyring == nil {
		return errors.New("there is no keyring")
	}
	text, err := inTime(func() (string, error) { return s.keyring.Get(item(id, *r)) }, func() {})
	if err != nil {
		return fmt.Errorf("its secrets are in the keyring of the system: %w", err)
	}
	if len(text) > maxFile || rawjson.Decode([]byte(text), &r.Secrets) != nil {
		return fmt.Errorf("its secrets are in the keyring of the system: %w", errBroken)
	}
	return nil
}

// unhide removes an item from the keyring, and looks whether it is still there.
func (s *Store) unhide(name string) error {
	if s.keyring == nil {
		return nil
	}
	_, err := inTime(func() (struct{}, error) {
		err := s.keyring.Delete(name)
		if err == nil {
			if _, still := s.keyring.Get(name); still == nil {
				err = errDismissed
			}
		}
		return struct{}{}, err
	}, func() {})
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return fmt.Errorf("the keyring of the system still has it: %w", err)
	}
	return nil
}

const (
	// maxUnused is how many items are remembered that could not be removed. With as many
	// the keyring gets no further one.
	maxUnused = 1000
	// maxKept is how many failures to remove an item are enough for one write.
	maxKept = 32
)

// unhideAll removes items from the keyring, and returns those that it may still have:
// those that it was not asked for first, as one that it keeps must not hold up the others
// for ever.
func (s *Store) unhideAll(names []string) (left []string) {
	if s.keyring == nil {
		return slices.Clone(names)
	}
	var kept []string
	for i, name := range names {
		err := s.unhide(name)
		if err != nil {
			kept = append(kept, name)
		}
		if errors.Is(err, errSilent) || len(kept) == maxKept { // Those behind it would fail as well, maybe after as long.
			return append(slices.Clone(names[i+1:]), kept...)
		}
	}
	return kept
}
