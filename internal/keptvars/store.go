package keptvars

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/login/store"
	"gatehouse/internal/vars"
)

// writePatience is how long a keyring is waited for by whoever changes a variable: a
// person may have to unlock it.
const writePatience = 30 * time.Second

// noticeAfter is how long that takes before the person hears of it.
const noticeAfter = 2 * time.Second

// maxUnused is how many items may wait for their removal. With as many the keyring gets no
// further one.
const maxUnused = 1000

// Store is a list of variables, and the keyring that has their values. No other process
// may change it at the same time.
type Store struct {
	Path string // of the list
	Ring store.Keyring
	// Waiting, unless nil, is called when a keyring has not answered for 2 s.
	Waiting func()
}

// ErrUnknown is for a variable that is not in the list.
var ErrUnknown = errors.New("there is no such variable in the keyring")

// ErrLeft means that all is done but for an earlier value, which the keyring still has.
var ErrLeft = errors.New("the keyring of the system still has an earlier value")

// Set keeps a value, in the place of an earlier one. It is kept if the error is ErrLeft.
func (s Store) Set(name, value string) error {
	if len(name) > vars.MaxKeptName {
		return fmt.Errorf("the name of the variable is too long: it has %d bytes, %d are possible", len(name), vars.MaxKeptName)
	}
	if err := s.makeRoom(); err != nil {
		return err
	}
	list, err := s.List()
	if err != nil {
		return err
	}
	k := vars.Kept{Name: name, Item: rand.Text()}
	leaving := []string{k.Item}
	if i := index(list, name); i >= 0 {
		leaving = append(leaving, list[i].Item)
		list[i] = k
	} else {
		list = append(list, k)
	}
	data := vars.FormatKept(list)
	if len(data) > maxFile { // It could not be read again.
		return errors.New("the list of variables in the keyring is full: remove one first, with \"gatehouse variable remove\"")
	}
	before, err := s.announce(leaving)
	if err != nil {
		return err
	}
	if has, err := s.entrust(k.Item, value); err != nil {
		if !has {
			_ = s.setUnused(before) // A name too many does no harm.
		}
		return fmt.Errorf("the keyring of the system does not take the value: %s", words(err))
	}
	if err := s.setList(data); err != nil {
		return err
	}
	return s.sweep()
}

// entrust puts a value into the keyring, and looks whether it is there: the library does not say
// if its owner has dismissed its question. After an error has reports whether it may
// have the item all the same, or still take it.
func (s Store) entrust(item, value string) (has bool, err error) {
	name := itemName(item)
	has, err = inTime(s, func() (bool, error) {
		if err := s.Ring.Set(name, value); err != nil {
			return errors.Is(err, store.ErrEnded), err
		}
		switch got, err := s.Ring.Get(name); {
		case store.Gone(err):
			return false, errDismissed
		case err != nil:
			return true, err
		case got != value:
			return true, errOther
		}
		return true, nil
	}, func() { _ = s.Ring.Delete(name) })
	return has || errors.Is(err, errSilent), err
}

var (
	// errDismissed means that a keyring has done nothing, without an error.
	errDismissed = errors.New("it did nothing; was its question dismissed?")
	// errOther means that a keyring has something else than what it was given.
	errOther = errors.New("it has another one than it was given")
)

// Remove takes a variable out of the list, and its value out of the keyring. The error is
// ErrUnknown if it is not there, and ErrLeft if the keyring keeps it.
func (s Store) Remove(name string) error {
	list, err := s.List()
	if err != nil {
		return err
	}
	i := index(list, name)
	if i < 0 {
		return errors.Join(ErrUnknown, s.sweep())
	}
	if _, err := s.announce([]string{list[i].Item}); err != nil {
		return err
	}
	if err := s.setList(vars.FormatKept(slices.Delete(list, i, i+1))); err != nil {
		return err
	}
	return s.sweep()
}

// makeRoom removes from the keyring what is of no use, if that is too much for a further
// value.
func (s Store) makeRoom() error {
	if full, err := s.full(); err != nil || !full {
		return err
	}
	if err := s.sweep(); err != nil && !errors.Is(err, ErrLeft) {
		return err
	}
	if full, err := s.full(); err != nil || !full {
		return err
	}
	return fmt.Errorf("the keyring of the system still has %d or more earlier values that it was to remove; is it locked?", maxUnused)
}

// full reports whether too many items wait for their removal.
func (s Store) full() (bool, error) {
	unused, err := s.unused()
	return len(unused) >= maxUnused, err
}

// announce notes items that the list does not name, or soon will not. It returns those
// that were noted before.
func (s Store) announce(items []string) (before []string, err error) {
	before, err = s.unused()
	if err != nil {
		return nil, err
	}
	return before, s.setUnused(append(slices.Clip(before), items...))
}

// sweep removes from the keyring what is noted and not in the list.
func (s Store) sweep() error {
	unused, err := s.unused()
	if err != nil || len(unused) == 0 {
		return err
	}
	list, err := s.List()
	if err != nil {
		return err
	}
	var left []string
	var why error
	for _, item := range unused {
		switch {
		case slices.ContainsFunc(list, func(k vars.Kept) bool { return k.Item == item }):
		case errors.Is(why, errSilent): // It would fail as well, after as long.
			left = append(left, item)
		default:
			if err := s.forget(item); err != nil {
				left, why = append(left, item), err
			}
		}
	}
	if err := s.setUnused(left); err != nil {
		return err
	}
	if why != nil {
		return fmt.Errorf("%w: %s; the next \"gatehouse variable\" that can removes it", ErrLeft, words(why))
	}
	return nil
}

// forget removes an item from the keyring, and looks whether it is gone.
func (s Store) forget(item string) error {
	name := itemName(item)
	_, err := inTime(s, func() (string, error) {
		if err := s.Ring.Delete(name); err != nil {
			return "", err
		}
		_, err := s.Ring.Get(name)
		if err == nil {
			err = errDismissed
		}
		return "", err
	}, func() {})
	if store.Gone(err) {
		return nil
	}
	return err
}

// inTime waits for a keyring, and says so if that takes long: see [store.InTime].
func inTime[T any](s Store, ask func() (T, error), late func()) (T, error) {
	if s.Waiting != nil {
		said := make(chan struct{})
		notice := time.AfterFunc(noticeAfter, func() { defer close(said); s.Waiting() })
		defer func() {
			if !notice.Stop() {
				<-said
			}
		}()
	}
	return store.InTime(writePatience, errSilent, ask, late)
}
