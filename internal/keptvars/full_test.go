package keptvars_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"gatehouse/internal/keptvars"
	"gatehouse/internal/vars"
)

// A keyring that was locked for long is full of earlier values. Once it is unlocked, that
// is over; and a variable can be removed even before.
func TestStore_withManyValuesThatWaitForTheirRemoval(t *testing.T) {
	s, r := open(t)
	check(t, s.Set("A", "one"))
	check(t, s.Set("B", "two"))
	var waiting strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&waiting, "X%d\n", i)
	}
	check(t, os.WriteFile(s.Path+".unused", []byte(waiting.String()), 0o600))
	r.Err = errors.New("denied")
	if err := s.Set("C", "three"); err == nil || !strings.Contains(err.Error(), "is it locked?") {
		t.Errorf("set while it is locked: got %v, want that it may be", err)
	}
	if err := s.Remove("A"); !errors.Is(err, keptvars.ErrLeft) || strings.Contains(text(t, s), "A ") {
		t.Errorf("removed while it is locked: got %v and the list\n%s\nwant A gone but for its value", err, text(t, s))
	}
	r.Err = nil
	check(t, s.Set("C", "three"))
	if got := values(t, s); len(got) != 2 || got["C"].Value != "three" || r.Len() != 2 {
		t.Errorf("got %d values, %d in the keyring, want those of B and C alone", len(got), r.Len())
	}
}

// What cannot be read again is not written.
func TestSet_nameOrListThatIsTooLong_changesNothing(t *testing.T) {
	s, r := open(t)
	longest := strings.Repeat("A", vars.MaxKeptName)
	check(t, s.Set(longest, "one"))
	if err := s.Set(longest+"A", "two"); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v, want that the name is too long", err)
	}
	var list []vars.Kept
	for i := range (1<<20)/300 + 400 { // Lines of 283 bytes at most.
		list = append(list, vars.Kept{Name: fmt.Sprintf("V%0254d", i), Item: strings.Repeat("X", 26)})
	}
	for len(vars.FormatKept(list)) > 1<<20 {
		list = list[1:]
	}
	check(t, os.WriteFile(s.Path, vars.FormatKept(list), 0o600))
	before := text(t, s)
	if err := s.Set(longest, "three"); err == nil || !strings.Contains(err.Error(), "full") || text(t, s) != before || r.Len() != 1 {
		t.Errorf("got %v and %d in the keyring, want that the list is full, and nothing changed", err, r.Len())
	}
	check(t, s.Remove(list[0].Name))
	check(t, s.Set(longest, "three"))
}
