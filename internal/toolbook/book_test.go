package toolbook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/terminal"
	"gatehouse/internal/toolbook"
)

var now = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func list(pairs ...string) (out []toolbook.Definition) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, toolbook.Definition{Name: pairs[i], Raw: fmt.Appendf(nil, `{"name":%q,"description":%q}`, pairs[i], pairs[i+1])})
	}
	return out
}

// said is a list of changes as texts.
func said(changes []toolbook.Change) (out []string) {
	for _, c := range changes {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Kind, c.Tool, c.Words)))
	}
	return out
}

func TestNote_saysWhatIsNewChangedAndRemoved(t *testing.T) {
	b := toolbook.Open("", terminal.Line)
	if got := b.Note("f", list("read", "Reads a file.", "list", "Lists.", "old", "x"), now); got != nil {
		t.Errorf("got %v for the first list, want none", said(got))
	}
	got := said(b.Note("f", list("read", "Reads a file and sends it away.", "list", "Lists.", "shell", "Runs."), now))
	want := []string{"removed old", `changed read … "Reads a file{+ and sends it away+}."}`, "new shell"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := b.Note("f", list("read", "Reads a file and sends it away.", "list", "Lists.", "shell", "Runs."), now); got != nil {
		t.Errorf("got %v for the same list again, want none", said(got))
	}
	if got := b.Note("other", list("read", "x"), now); got != nil {
		t.Errorf("got %v for another server, want none", said(got))
	}
	if latest, total := b.Changes("f"); len(latest) != 3 || total != 3 {
		t.Errorf("got %d changes remembered of %d, want 3 of 3", len(latest), total)
	}
}

func TestNote_hiddenCharacters_areVisibleInTheDifference(t *testing.T) {
	b := toolbook.Open("", terminal.Line)
	raw := func(s string) []toolbook.Definition {
		return []toolbook.Definition{{Name: "t", Raw: []byte(`{"description":"` + s + `"}`)}}
	}
	b.Note("f", raw("Reads."), now)
	got := said(b.Note("f", raw("Reads.\u200b\U000e0041\u202e"), now))
	if want := `{+\u200b\U000e0041\u202e+}`; len(got) != 1 || !strings.Contains(got[0], want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
}

func TestNote_overARestart_isComparedWithTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	b := toolbook.Open(dir, terminal.Line)
	b.Note("f", list("t", "One."), now)
	b.Wait()
	other := toolbook.Open(dir, terminal.Line)
	b.Note("g", list("t", "Two."), now)
	b.Wait()
	if got := said(other.Note("f", list("t", "Three."), now)); len(got) != 1 || !strings.Contains(got[0], "[-One-]{+Three+}") {
		t.Errorf("got %q, want the word that changed", got)
	}
	other.Wait()
	third := toolbook.Open(dir, terminal.Line)
	if got := said(third.Note("g", list("t", "Two!"), now)); len(got) != 1 {
		t.Errorf("got %q, want what another gateway learnt to be there still", got)
	}
	third.Wait()
	if info, err := os.Stat(filepath.Join(dir, "tools.json")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got %v, %v, want a file that nobody else may read", info, err)
	}
}

func TestOpen_oddFiles_areNothing(t *testing.T) {
	for _, content := range []string{"{", "null", "[]", `{"f":null}`, `{"f":{"at":"2026-05-06T07:08:09Z","Tools":{"t":"{}"}}}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tools.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		b := toolbook.Open(dir, terminal.Line)
		if got := b.Note("f", list("t", "x"), now); got != nil {
			t.Errorf("%s: got %v, want it to be ignored", content, said(got))
		}
		b.Wait()
	}
}

func TestNote_hugeListsAndDefinitions_areBounded(t *testing.T) {
	b := toolbook.Open("", terminal.Line)
	long := strings.Repeat("word ", 20_000)
	var before, after []string
	for i := range 200 {
		before = append(before, fmt.Sprint("t", i), "a")
		after = append(after, fmt.Sprint("t", i), strings.Repeat("b ", 3000))
	}
	b.Note("f", list(append(before, "long", long)...), now)
	changes := b.Note("f", list(append(after, "long", long+"more")...), now)
	if len(changes) != 201 {
		t.Fatalf("got %d changes, want 201", len(changes))
	}
	for _, c := range changes {
		if len(c.Words) > 2000 {
			t.Errorf("%s: got %d bytes of words, want 2000 at most", c.Tool, len(c.Words))
		}
	}
	if latest, total := b.Changes("f"); len(latest) != 50 || total != 201 {
		t.Errorf("got %d changes remembered of %d, want 50 of 201", len(latest), total)
	}
}

func TestDifference(t *testing.T) {
	same := func(s string) string { return s }
	for _, c := range []struct{ before, after, want string }{
		{"a b c", "a b c", ""},
		{"a b c", "a x c", "a [-b-]{+x+} c"},
		{"", "new", "{+new+}"},
		{"gone", "", "[-gone-]"},
		{"one two three four five six seven eight END", "one two three four five six seven eight DONE", "… six seven eight [-END-]{+DONE+}"},
		{"käse 日本", "käse 日本!", "käse 日本{+!+}"},
	} {
		if got := toolbook.Difference(c.before, c.after, same); got != c.want {
			t.Errorf("%q to %q: got %q, want %q", c.before, c.after, got, c.want)
		}
	}
}

// The whole file is written each time, so the lists of servers that start together
// are written together.
func TestNote_ofManyServers_isWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := toolbook.Open(dir, terminal.Line)
		for i := range 50 {
			b.Note(fmt.Sprint(i), list("a", "1"), now)
			time.Sleep(5 * time.Millisecond)
			if _, err := os.Stat(filepath.Join(dir, "tools.json")); !os.IsNotExist(err) {
				t.Fatalf("got a file after %d servers (%v), want one for all", i+1, err)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		next := toolbook.Open(dir, terminal.Line)
		defer next.Wait()
		for i := range 50 {
			if got := next.Note(fmt.Sprint(i), list("a", "2"), now); len(got) != 1 {
				t.Errorf("server %d: got the changes %v, want one: the file has the list before", i, got)
			}
		}
	})
}
