package keptvars_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"gatehouse/internal/keptvars"
)

// dismissed is a keyring whose owner dismisses its questions: it does nothing, and the
// library says nothing of it.
type dismissed struct{ *ring }

func (dismissed) Set(string, string) error { return nil }
func (dismissed) Delete(string) error      { return nil }

func TestSet_questionThatIsDismissed_leavesTheEarlierValue(t *testing.T) {
	s, r := open(t)
	check(t, s.Set("A", "one"))
	err := keptvars.Store{Path: s.Path, Ring: dismissed{r}}.Set("A", "marked-two")
	if err == nil || !strings.Contains(err.Error(), "dismissed") || strings.Contains(err.Error(), "marked") {
		t.Errorf("got %v, want that it may have been dismissed, and no value", err)
	}
	if got := values(t, s)["A"].Value; got != "one" {
		t.Errorf("got %q, want the earlier value", got)
	}
}

func TestRemove_questionThatIsDismissed_isLeftForTheNextChange(t *testing.T) {
	s, r := open(t)
	check(t, s.Set("A", "one"))
	err := keptvars.Store{Path: s.Path, Ring: dismissed{r}}.Remove("A")
	if !errors.Is(err, keptvars.ErrLeft) || !strings.Contains(err.Error(), "dismissed") {
		t.Errorf("got %v, want that the keyring still has it", err)
	}
	check(t, s.Set("B", "two"))
	if _, err := os.Stat(s.Path + ".unused"); err == nil || r.Len() != 1 {
		t.Errorf("got %v and %d in the keyring, want B's value alone", err, r.Len())
	}
}
