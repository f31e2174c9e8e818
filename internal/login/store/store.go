package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/safefile"
)

const (
	// maxFile is the size in bytes of a file that is read.
	maxFile = 512 << 10
	// maxList is how many credentials are listed.
	maxList = 1000
)

// Store is a folder of credentials. Its methods may be called from any goroutine,
// and other processes may use the folder at the same time.
type Store struct {
	dir     string
	keyring Keyring
	readOwn func(path string, limit int64) ([]byte, error)
}

// Open makes a Store of a folder, which is made when there is something to keep.
func Open(dir string) *Store { return &Store{dir: dir, readOwn: safefile.ReadOwn} }

// WithKeyring returns the Store with a keyring, in which secrets may be.
func (s *Store) WithKeyring(k Keyring) *Store {
	with := *s
	with.keyring = k
	return &with
}

// Dir is the folder.
func (s *Store) Dir() string { return s.dir }

// Unreadable means that there is a credential that cannot be used.
type Unreadable struct {
	Path string
	Why  error
}

func (e *Unreadable) Error() string {
	if e.Passing() { // Without the file nobody could revoke what a keyring has.
		return fmt.Sprintf("cannot read what was kept of the login, %s: %v; it serves again once that works, or log in again", e.Path, e.Why)
	}
	return fmt.Sprintf("cannot use what was kept of the login, %s: %v; log in again, or remove the file", e.Path, e.Why)
}

// Unwrap returns the cause.
func (e *Unreadable) Unwrap() error { return e.Why }

// Passing reports whether the credential may be good, and only cannot be read now: its
// keyring is locked, for example.
func (e *Unreadable) Passing() bool { return passing(e.Why) }

// Unforgotten words why a logout leaves the credential, and how to be rid of it.
func (e *Unreadable) Unforgotten() error {
	return fmt.Errorf("cannot forget the login, %s: %w; try again once that works, or remove the file, log out again, and end the login at the server", e.Path, e.Why)
}

var (
	// errBroken means that what was read is of no use, now and later.
	errBroken = errors.New("it is not what gatehouse writes")
	// errBarred means that this user may not read a file that may be replaced.
	errBarred = errors.New("it may be that of another user, who logged in with sudo for example")
)

// passing reports whether what could not be read may be readable later.
func passing(err error) bool {
	_, foreign := errors.AsType[*safefile.NotOwn](err)
	_, large := errors.AsType[*safefile.TooLarge](err)
	_, odd := errors.AsType[*safefile.NotRegular](err)
	return err != nil && !foreign && !large && !odd && !errors.Is(err, errBroken) && !errors.Is(err, errBarred) && !errors.Is(err, keyring.ErrNotFound)
}

// NotKept means that a change could not be written. It is in force for whoever
// made it, and lost with the process.
type NotKept struct{ Why error }

func (e *NotKept) Error() string { return "cannot keep the login: " + e.Why.Error() }

// Unwrap returns the cause.
func (e *NotKept) Unwrap() error { return e.Why }

// Read returns the record of a key, the zero one if there is none. The error is
// *Unreadable.
func (s *Store) Read(k Key) (Record, error) { return s.read(k.id()) }

func (s *Store) path(id string) string { return filepath.Join(s.dir, id+".json") }

func (s *Store) read(id string) (Record, error) {
	r, err := s.shown(id)
	if err == nil {
		err = s.reveal(id, &r)
	}
	if err != nil {
		return Record{}, &Unreadable{Path: s.path(id), Why: err}
	}
	return r, nil
}

// shown reads what the file has, which may lack the secrets.
func (s *Store) shown(id string) (Record, error) {
	path := s.path(id)
	data, err := s.readOwn(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, nil
	}
	if errors.Is(err, fs.ErrPermission) && runtime.GOOS != "windows" { // There somebody may just be replacing it.
		err = fmt.Errorf("%w: %w", err, errBarred)
	}
	var r Record
	if err == nil {
		err = decode(data, &r)
	}
	return r, err // read says which file.
}

// decode reads a record. Its errors quote nothing.
func decode(data []byte, r *Record) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("it is empty: %w", errBroken)
	}
	if rawjson.Decode(data, r) != nil {
		return errBroken
	}
	return nil
}

// Change replaces the record of a key by what change makes of it, and returns
// that. The lock of the key is held meanwhile. A change without keep is not
// written. If it cannot be written the error is *NotKept, and the record is
// returned all the same.
func (s *Store) Change(ctx context.Context, k Key, change func(ctx context.Context, old Record, err error) (next Record, keep bool, failure error)) (Record, error) {
	release := s.lock(ctx, k.id())
	defer release()
	old, err := s.Read(k)
	next, keep, failure := change(ctx, old, err)
	if !keep {
		return next, failure
	}
	if err := s.write(k, &next); err != nil {
		return next, errors.Join(failure, &NotKept{err})
	}
	return next, failure
}

// Forget removes the record of a key and returns what was there last. It waits for
// whoever changes it. It is no error if there is nothing to forget. After an error the
// record is still there, but a keyring that answers late may let its secrets go. What
// cannot be read now, but may be later, is not forgotten: nobody could revoke it.
func (s *Store) Forget(ctx context.Context, k Key) (Record, error) {
	return s.ForgetAfter(ctx, k, func(Record) error { return nil })
}

// ForgetAfter is Forget that calls first with what was there last, the zero record if
// that cannot be read, before it removes it. The lock of the key is held meanwhile. If
// first fails nothing is removed.
func (s *Store) ForgetAfter(ctx context.Context, k Key, first func(last Record) error) (Record, error) {
	release := s.lock(ctx, k.id())
	defer release()
	r, err := s.read(k.id())
	if passing(err) {
		return r, s.unforgotten(k.id(), err)
	}
	if err := first(r); err != nil {
		return r, err
	}
	return r, s.remove(k.id())
}

// unforgotten words why a record stays.
func (s *Store) unforgotten(id string, why error) error {
	if bad, ok := errors.AsType[*Unreadable](why); ok {
		return bad.Unforgotten()
	}
	return (&Unreadable{Path: s.path(id), Why: why}).Unforgotten()
}

// remove removes a record. If its secrets stay in the keyring, so does the file that
// names them. Of items of no use that stay there the file keeps the names alone.
func (s *Store) remove(id string) error {
	r, err := s.shown(id)
	if passing(err) {
		return s.unforgotten(id, err)
	}
	if r.Place == InKeyring {
		if err := s.unhide(item(id, r)); err != nil {
			return s.unforgotten(id, err)
		}
	}
	if left := s.unhideAll(r.Unused); s.keyring != nil && len(left) > 0 {
		if err := s.put(id, Record{Server: r.Server, Shown: r.Shown, Account: r.Account, Unused: left}); err != nil {
			return fmt.Errorf("cannot forget the login: %w", err)
		}
		return nil
	}
	if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot forget the login: %w", err)
	}
	return nil // The file of the lock stays: another process may hold it.
}

// write writes a record, and decides where its secrets are if that is still open. At
// each moment the file names all that the keyring may have of it, so that whoever goes
// on after a process that was killed can remove what is of no use.
func (s *Store) write(k Key, r *Record) error {
	before, err := s.shown(k.id())
	if passing(err) {
		return err // It may be a login, or name what the keyring has.
	}
	if err != nil {
		before = Record{} // What is broken is in no keyring, as far as anybody knows.
	}
	r.Item, r.Unused = "", s.unhideAll(before.Unused)
	switch r.Place {
	case InKeyring:
		if err := s.hide(k, r, before); err != nil {
			return err
		}
	case Auto:
		r.Place = InFile
		if r.LoggedIn() && s.hide(k, r, before) == nil {
			r.Place = InKeyring
		}
	case InFile:
	}
	if before.Place == InKeyring {
		r.Unused = append(r.Unused, item(k.id(), before))
	}
	if err := s.put(k.id(), *r); err != nil {
		if r.Place == InKeyring {
			_ = s.unhide(r.Item) // Nothing uses it.
		}
		return err
	}
	if before.Place == InKeyring {
		_ = s.unhide(item(k.id(), before)) // It is of no use to anybody. The next write tries again.
	}
	return nil
}

// put writes the file of a record, without secrets that are elsewhere.
func (s *Store) put(id string, shown Record) error {
	if shown.Place == InKeyring {
		shown.Secrets = Secrets{}
	}
	data, err := json.Marshal(shown)
	if err != nil {
		return fmt.Errorf("internal: %w", err)
	}
	if err := s.prepare(); err != nil {
		return err
	}
	return safefile.WriteOwn(s.path(id), append(data, '\n'))
}

// prepare makes the folder, and closes it to the eyes of others.
func (s *Store) prepare() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder for logins: %w", err)
	}
	info, err := os.Stat(s.dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 && info.Mode().Perm()&0o022 == 0 {
		err = os.Chmod(s.dir, 0o700) //nolint:gosec // A folder needs x.
	}
	if err != nil {
		return fmt.Errorf("cannot close the folder for logins to others: %w", err)
	}
	return nil // Where others may write, the writing refuses.
}

// Kept is a record of the folder.
type Kept struct {
	Record Record
	Err    error // *Unreadable
	store  *Store
	id     string
}

// Remove forgets the record, unless its tokens are others by now. It waits for whoever
// changes it.
func (k Kept) Remove(ctx context.Context) error {
	release := k.store.lock(ctx, k.id)
	defer release()
	now, err := k.store.read(k.id)
	switch {
	case passing(err):
		return k.store.unforgotten(k.id, err)
	case now.LoggedIn() && !now.Equal(k.Record):
		return fmt.Errorf("the login to %q has changed meanwhile and is not forgotten; log out again", now.Server)
	}
	return k.store.remove(k.id)
}

// List returns all records, sorted by the server and the account; at most 1,000.
func (s *Store) List() []Kept { return s.list(func(Record) bool { return true }) }

// Under returns the records that were made under one of these names, sorted as those
// of List. A keyring is asked for no others.
func (s *Store) Under(servers []string) []Kept {
	return s.list(func(shown Record) bool { return slices.Contains(servers, shown.Server) })
}

// list returns the records whose files are meant. One whose secrets cannot be had is what
// its file shows.
func (s *Store) list(meant func(shown Record) bool) []Kept {
	var list []Kept
	for _, path := range safefile.Glob(s.dir, "*.json") {
		id := strings.TrimSuffix(filepath.Base(path), ".json")
		r, err := s.shown(id)
		if err != nil {
			r = Record{}
		}
		if !meant(r) {
			continue
		}
		if err == nil {
			err = s.reveal(id, &r)
		}
		if err != nil {
			err = &Unreadable{Path: path, Why: err}
		}
		if list = append(list, Kept{Record: r, Err: err, store: s, id: id}); len(list) == maxList {
			break
		}
	}
	slices.SortStableFunc(list, func(a, b Kept) int { return strings.Compare(a.Record.Who(), b.Record.Who()) })
	return list
}

const (
	// lockPause is how often somebody who waits for a lock tries again.
	lockPause = 10 * time.Millisecond
	// lockPatience is how long anybody waits: longer than whoever holds it works,
	// each of whose requests ends after 10 s.
	lockPatience = 25 * time.Second
)

// lock takes the lock of a record and returns what releases it. It waits for whoever
// holds it, but goes on without where there can be no lock, or its owner takes too
// long.
func (s *Store) lock(ctx context.Context, id string) (release func()) {
	nothing := func() {}
	if s.prepare() != nil {
		return nothing
	}
	f, err := os.OpenFile(filepath.Join(s.dir, id+".lock"), os.O_CREATE|os.O_RDWR|noFollow, 0o600)
	if err != nil {
		return nothing
	}
	patience := time.NewTimer(lockPatience)
	defer patience.Stop()
	for {
		taken, err := tryLock(f)
		if err == nil && !taken {
			return func() { _ = f.Close() }
		}
		pause := time.NewTimer(lockPause)
		select {
		case <-pause.C:
		case <-patience.C:
			err = errors.New("its owner takes too long")
		case <-ctx.Done():
			err = ctx.Err()
		}
		pause.Stop()
		if err != nil {
			_ = f.Close()
			return nothing
		}
	}
}
