package keptvars_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zalando/go-keyring"

	"gatehouse/internal/keptvars"
	"gatehouse/internal/vars"
	"gatehouse/testkit"
)

// ring is a keyring that says so if it has no such item.
type ring struct{ testkit.Keyring }

func (r *ring) Get(user string) (string, error) {
	value, err := r.Keyring.Get(user)
	if err != nil && r.Err == nil {
		err = keyring.ErrNotFound
	}
	return value, err
}

// open is a store of a folder that is not there yet.
func open(t *testing.T) (keptvars.Store, *ring) {
	t.Helper()
	r := &ring{}
	return keptvars.Store{Path: filepath.Join(t.TempDir(), "gatehouse", "gatehouse.keyring"), Ring: r}, r
}

// values are what a gateway gets of a store.
func values(t *testing.T, s keptvars.Store) map[string]vars.Stored {
	t.Helper()
	return (&keptvars.Reader{Ring: s.Ring}).Values([]byte(text(t, s)))
}

func text(t *testing.T, s keptvars.Store) string {
	t.Helper()
	data, err := os.ReadFile(s.Path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore_valuesAreInTheKeyring_andTheFileHasNone(t *testing.T) {
	s, r := open(t)
	check(t, s.Set("A", "marked-one"))
	first := text(t, s)
	check(t, s.Set("B", "two"))
	check(t, s.Set("A", "marked-three"))
	got := values(t, s)
	if got["A"].Value != "marked-three" || got["B"].Value != "two" || len(got) != 2 || r.Len() != 2 {
		t.Errorf("got %d values, %d in the keyring, want the two that were set last", len(got), r.Len())
	}
	if now := text(t, s); strings.Contains(now, "marked") || now == first {
		t.Errorf("got the list\n%s\nwant one without values, and another one after each change", now)
	}
	if info, err := os.Stat(s.Path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got %v, %v, want a file of this user alone", info, err)
	}
	check(t, s.Remove("A"))
	check(t, s.Remove("B"))
	if left, err := os.ReadDir(filepath.Dir(s.Path)); err != nil || len(left) != 1 || r.Len() != 0 || len(values(t, s)) != 0 {
		t.Errorf("got %v, %v and %d in the keyring, want the empty list alone", left, err, r.Len())
	}
	if err := s.Remove("A"); !errors.Is(err, keptvars.ErrUnknown) {
		t.Errorf("removed twice: got %v, want ErrUnknown", err)
	}
}

func TestStore_keyringThatRefuses_changesNothing(t *testing.T) {
	s, r := open(t)
	check(t, s.Set("A", "one"))
	before := text(t, s)
	r.Err = errors.New("locked")
	if err := s.Set("A", "marked-two"); err == nil || !strings.Contains(err.Error(), "locked") || strings.Contains(err.Error(), "marked") {
		t.Errorf("got %v, want why, and no value", err)
	}
	if _, err := os.Stat(s.Path + ".unused"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want nothing noted that the keyring does not have", err)
	}
	if text(t, s) != before {
		t.Errorf("got the list\n%s\nwant it as it was\n%s", text(t, s), before)
	}
	if err := s.Remove("A"); !errors.Is(err, keptvars.ErrLeft) {
		t.Errorf("removed while it is locked: got %v, want ErrLeft", err)
	}
	r.Err = nil
	if err := s.Remove("A"); !errors.Is(err, keptvars.ErrUnknown) || r.Len() != 0 {
		t.Errorf("removed again: got %v and %d in the keyring, want it gone from both", err, r.Len())
	}
}

// keeping is a keyring that removes nothing.
type keeping struct{ *ring }

func (keeping) Delete(string) error { return errors.New("denied") }

// Of what it was to remove, a keyring keeps 1,000 at most.
func TestStore_keyringThatRemovesNothing_getsNoMore(t *testing.T) {
	s, r := open(t)
	check(t, s.Set("A", "one"))
	s.Ring = keeping{r}
	check(t, os.WriteFile(s.Path+".unused", []byte(strings.Repeat("X\n", 1000)), 0o600))
	if err := s.Set("B", "two"); err == nil || !strings.Contains(err.Error(), "1000 or more earlier values") || r.Len() != 1 {
		t.Errorf("got %v and %d in the keyring, want that it has too many already, and no further one", err, r.Len())
	}
	check(t, os.WriteFile(s.Path+".unused", []byte(strings.Repeat("X\n", 999)), 0o600))
	if err := s.Set("B", "two"); !errors.Is(err, keptvars.ErrLeft) || r.Len() != 2 {
		t.Errorf("got %v and %d in the keyring, want the value in it, and ErrLeft", err, r.Len())
	}
}

// The list may be a link, as the gateways that read it follow one.
func TestStore_listThatIsALink_isFollowed(t *testing.T) {
	s, _ := open(t)
	check(t, s.Set("A", "one"))
	elsewhere := filepath.Join(t.TempDir(), "list")
	check(t, os.Rename(s.Path, elsewhere))
	if err := os.Symlink(elsewhere, s.Path); err != nil {
		t.Skip(err)
	}
	check(t, s.Set("B", "two"))
	check(t, s.Remove("A"))
	if target, err := os.Readlink(s.Path); err != nil || target != elsewhere || values(t, s)["B"].Value != "two" {
		t.Errorf("got a link to %q, %v and %v; want the link kept, and B", target, err, values(t, s))
	}
	check(t, os.Remove(elsewhere))
	if list, err := s.List(); len(list) != 0 || err != nil {
		t.Errorf("a link that leads nowhere: got %v, %v; want no list", list, err)
	}
	check(t, s.Set("C", "three"))
	if got := values(t, s)["C"].Value; got != "three" {
		t.Errorf("after a link that leads nowhere: got %q, want three", got)
	}
}

// Whoever is killed between two steps leaves nothing that the next change does not remove.
func TestStore_killedHalfWay_leavesNothingForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t)
		check(t, s.Set("A", "one"))
		_ = keptvars.Store{Path: s.Path, Ring: killsAfterSet{r}}.Set("A", "two")
		if r.Len() != 2 {
			t.Fatalf("got %d in the keyring, want the value that nobody uses too", r.Len())
		}
		if got := values(t, s)["A"].Value; got != "one" {
			t.Errorf("got %q, want the earlier value", got)
		}
		check(t, s.Set("B", "three"))
		if r.Len() != 2 {
			t.Errorf("got %d in the keyring, want A's earlier value and B's", r.Len())
		}
	})
}

// killsAfterSet is a keyring whose user is killed once it has a value.
type killsAfterSet struct{ *ring }

func (k killsAfterSet) Set(user, secret string) error {
	_ = k.ring.Set(user, secret)
	runtime.Goexit()
	return nil
}

func TestReader_keyringThatIsSilent_isGivenUpAfter2sForAllTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ring{Keyring: testkit.Keyring{Hang: make(chan struct{})}}
		reader, begun := &keptvars.Reader{Ring: r}, time.Now()
		got := reader.Values([]byte("A X1\nB X2\nC X3\n"))
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("it took %s for three, want 2s", took)
		}
		for _, name := range []string{"A", "B", "C"} {
			if v := got[name]; v.Gone || !strings.Contains(v.Why, "is it locked?") || !strings.Contains(v.Why, "gatehouse reload") {
				t.Errorf("%s: got %+v, want that it may be locked, and what to do", name, v)
			}
		}
		for range 20 {
			got = reader.Values([]byte("A X1\n"))
		}
		if took := time.Since(begun); took > 17*time.Second {
			t.Errorf("21 looks took %s, want no more than 8 that wait", took)
		}
		if why := got["A"].Why; !strings.Contains(why, "not asked again for 1m") || !strings.Contains(why, "gatehouse reload") {
			t.Errorf("got %q, want when it is asked again", why)
		}
		close(r.Unlock())
		synctest.Wait()
		_ = r.Set("variable X1", "one")
		if got := reader.Values([]byte("A X1\n"))["A"]; got.Value != "one" {
			t.Errorf("after it was unlocked: got %+v, want the value", got)
		}
	})
}

func TestStore_keyringThatTakesAValueTooLate_hasItNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := open(t)
		r.Hang = make(chan struct{})
		if err := s.Set("A", "one"); err == nil || !strings.Contains(err.Error(), "locked") {
			t.Errorf("got %v, want that it may be locked", err)
		}
		close(r.Unlock())
		synctest.Wait()
		if list, err := s.List(); r.Len() != 0 || len(list) != 0 || err != nil {
			t.Errorf("got %d in the keyring, %v, %v; want nothing", r.Len(), list, err)
		}
	})
}

// Questions that hang for ever, as when the keyring's process has died, don't keep
// later ones from being asked.
func TestReader_questionsThatHangForEver_loseTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ring{Keyring: testkit.Keyring{Hang: make(chan struct{})}}
		reader := &keptvars.Reader{Ring: r}
		for range 9 {
			reader.Values([]byte("A X1\n"))
		}
		hung := r.Unlock() // Those that were asked get no answer.
		_ = r.Set("variable X1", "one")
		time.Sleep(time.Minute)
		if got := reader.Values([]byte("A X1\n"))["A"]; got.Value != "one" {
			t.Errorf("a minute later: got %+v, want the value", got)
		}
		close(hung)
	})
}

// slow is a keyring that takes its time for each answer, and for one item for ever.
type slow struct {
	*ring
	each time.Duration
	hung string
	end  chan struct{}
}

func (s slow) Get(user string) (string, error) {
	if user == s.hung {
		<-s.end
	}
	time.Sleep(s.each)
	return s.ring.Get(user)
}

// many is a list of variables, and a keyring that has them.
func many(n int) (list []byte, r *ring) {
	r = &ring{}
	for i := range n {
		list = fmt.Appendf(list, "V%02d X%d\n", i, i)
		_ = r.Set(fmt.Sprintf("variable X%d", i), "value")
	}
	return list, r
}

func TestReader_manyItemsOfASlowKeyring_areAllRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, r := many(60)
		got := (&keptvars.Reader{Ring: slow{ring: r, each: 50 * time.Millisecond}}).Values(list)
		for name, v := range got {
			if v.Value != "value" {
				t.Errorf("%s: got %+v, want its value", name, v)
			}
		}
		if len(got) != 60 {
			t.Errorf("got %d, want 60", len(got))
		}
	})
}

func TestReader_oneItemThatHangs_leavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, r := many(20)
		end := make(chan struct{})
		got := (&keptvars.Reader{Ring: slow{r, time.Millisecond, "variable X7", end}}).Values(list)
		for name, v := range got {
			if hangs := name == "V07"; hangs != strings.Contains(v.Why, "is it locked?") || hangs == (v.Value == "value") {
				t.Errorf("%s: got %+v, want the values of all but V07", name, v)
			}
		}
		close(end)
		time.Sleep(time.Second)
	})
}

func TestReader_itemsThatThereIsNoTimeFor_areNotCalledLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, r := many(12)
		s := slow{ring: r, each: 900 * time.Millisecond}
		begun := time.Now()
		got := (&keptvars.Reader{Ring: s}).Values(list)
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("it took %s, want 2s", took)
		}
		values, unasked := 0, 0
		for name, v := range got {
			switch {
			case v.Value == "value":
				values++
			case strings.Contains(v.Why, "no time to ask") && !strings.Contains(v.Why, "locked") && strings.Contains(v.Why, "gatehouse reload"):
				unasked++
			case !strings.Contains(v.Why, "is it locked?"):
				t.Errorf("%s: got %+v, want why there is no value", name, v)
			}
		}
		if values != 5 || unasked != 3 {
			t.Errorf("got %d values and %d that it was not asked for, want 5 and 3 of 12", values, unasked)
		}
		time.Sleep(time.Second)
	})
}

// A keyring that is locked may ask its owner at each question.
func TestReader_keyringThatIsSilent_isAskedTwoQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &counting{ring: ring{Keyring: testkit.Keyring{Hang: make(chan struct{})}}}
		(&keptvars.Reader{Ring: r}).Values([]byte("A X1\nB X2\nC X3\n"))
		asked := r.Unlock()
		synctest.Wait()
		close(asked)
		synctest.Wait()
		if n := r.asked.Load(); n != 2 {
			t.Errorf("got %d questions, want 2", n)
		}
	})
}

// counting is a keyring that counts its questions.
type counting struct {
	ring
	asked atomic.Int32
}

func (c *counting) Get(user string) (string, error) {
	c.asked.Add(1)
	return c.ring.Get(user)
}

func TestReader_itemThatIsGone_isSaid(t *testing.T) {
	r := &ring{}
	_ = r.Set("variable X1", "one")
	got := (&keptvars.Reader{Ring: r}).Values([]byte("A X1\nB X2\n"))
	if got["A"].Value != "one" || !got["B"].Gone || !strings.Contains(got["B"].Why, "gatehouse variable set B") {
		t.Errorf("got %+v, want one value and one that must be set again", got)
	}
}

// Another program may have changed what the keyring has.
func TestReader_valueThatNobodyCanHaveSet_isNone(t *testing.T) {
	for name, value := range map[string]string{"empty": "", "too long": strings.Repeat("x", keptvars.MaxValue+1)} {
		r := &ring{}
		check(t, r.Set("variable X1", value))
		got := (&keptvars.Reader{Ring: r}).Values([]byte("A X1\n"))["A"]
		if !got.Gone || got.Value != "" || !strings.Contains(got.Why, "gatehouse variable set A") {
			t.Errorf("%s: got %d bytes and %q, want no value and what to do", name, len(got.Value), got.Why)
		}
	}
	r := &ring{}
	check(t, r.Set("variable X1", strings.Repeat("x", keptvars.MaxValue)))
	if got := (&keptvars.Reader{Ring: r}).Values([]byte("A X1\n"))["A"]; len(got.Value) != keptvars.MaxValue {
		t.Errorf("the longest: got %d bytes and %q, want all", len(got.Value), got.Why)
	}
}
