package lists_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/lists"
)

var now = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// catalog is a list of tools with these definitions.
func catalog(definitions ...string) *endpoint.Catalog {
	c := &endpoint.Catalog{Known: true, At: now}
	for i, d := range definitions {
		c.Tools = append(c.Tools, endpoint.Tool{Name: fmt.Sprint("t", i), Raw: []byte(d)})
	}
	return c
}

// named is a list with one tool of that name.
func named(name string) *endpoint.Catalog {
	return &endpoint.Catalog{Known: true, Tools: []endpoint.Tool{{Name: name, Raw: fmt.Appendf(nil, `{"name":%q}`, name)}}}
}

// trouble collects what a store reports.
type trouble struct {
	mu   sync.Mutex
	said []string
}

func (r *trouble) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, err.Error())
}

// want fails the test unless so often something with that text was reported.
func (r *trouble) want(t *testing.T, times int, text string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.said) != times || times > 0 && !strings.Contains(r.said[0], text) {
		t.Errorf("got the reports %q, want %d with %q", r.said, times, text)
	}
}

// keep has one store keep lists: a fingerprint, then its catalog.
func keep(t *testing.T, state string, all map[string]*endpoint.Catalog) {
	t.Helper()
	var r trouble
	s := lists.Open(state, r.report)
	for f, c := range all {
		s.Keep(f, c, now)
	}
	r.want(t, 0, "")
}

// names are the tools that another store knows of a server at some time.
func names(t *testing.T, state, fingerprint string, at time.Time, r *trouble) (out []string) {
	t.Helper()
	for _, tool := range lists.Open(state, r.report).Recall([]string{fingerprint}, at)[fingerprint].Tools {
		out = append(out, tool.Name)
	}
	return out
}

// files are the lists in a state folder.
func files(t *testing.T, state string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(state, "lists", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestKeep_theNextGatewayKnowsTheListByteForByte(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	was := catalog(`{"name":"t0", "description" : "<a> & \u00e9 é",`+"\n"+`"n":1e400}`, `{"name":"t1"}`)
	was.Warning = "odd"
	was.Info = endpoint.ServerInfo{Name: "n", Title: "T", Version: "1", Description: "D", Instructions: "I\n<b>", ProtocolVersion: "2025-11-25", Tools: true}
	keep(t, state, map[string]*endpoint.Catalog{"f": was})
	var r trouble
	got, ok := lists.Open(state, r.report).Recall([]string{"f", "other"}, now.Add(time.Hour))["f"]
	if !ok || !got.At.Equal(now) || got.Warning != was.Warning {
		t.Fatalf("got %+v, %v, want the list of %v", got, ok, now)
	}
	if diff := cmp.Diff(was.Tools, got.Tools); diff != "" {
		t.Errorf("the tools (-want +got)\n%s", diff)
	}
	want := was.Info
	want.ProtocolVersion, want.Tools = "", false // They are a session's.
	if diff := cmp.Diff(want, got.Info); diff != "" {
		t.Errorf("the server (-want +got)\n%s", diff)
	}
	r.want(t, 0, "")
}

func TestRecall_anEmptyListIsKnownToo(t *testing.T) {
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{"f": catalog()})
	var r trouble
	if got, ok := lists.Open(state, r.report).Recall([]string{"f"}, now)["f"]; !ok || len(got.Tools) != 0 {
		t.Errorf("got %+v, %v, want a list without tools", got, ok)
	}
}

// What an entry resolves to may be a secret that can be guessed: nothing on disk
// lets a guess be tried without the key.
func TestKeep_namesAndContents_sayNothingOfTheEntry(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for _, state := range []string{one, two} {
		keep(t, state, map[string]*endpoint.Catalog{"fingerprint": named("x")})
	}
	first, second := files(t, one), files(t, two)
	if len(first) != 1 || len(second) != 1 || filepath.Base(first[0]) == filepath.Base(second[0]) {
		t.Fatalf("got %v and %v, want one file each, with other names", first, second)
	}
	data, err := os.ReadFile(first[0])
	if err != nil || bytes.Contains(data, []byte("fingerprint")) {
		t.Errorf("got %s, %v, want no fingerprint in it", data, err)
	}
	for path, want := range map[string]os.FileMode{first[0]: 0o600, filepath.Join(one, "lists.key"): 0o600, filepath.Join(one, "lists"): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want the mode %v", path, info, err, want)
		}
	}
}

func TestKeep_whatIsNotAServersListNow_isNotWritten(t *testing.T) {
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{
		"unknown": {}, "kept": {Known: true, Kept: true}, "failed": {Known: true, Err: "no list"},
	})
	if got := files(t, state); len(got) != 0 {
		t.Errorf("got %v, want no file", got)
	}
	(*lists.Store)(nil).Keep("f", catalog(), now) // There is no place for it.
	if got := (*lists.Store)(nil).Recall([]string{"f"}, now); got != nil {
		t.Errorf("got %v from nowhere, want nothing", got)
	}
}

func TestKeep_theSameListAgain_isWrittenOnceAWeek(t *testing.T) {
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{"f": named("x")})
	path := files(t, state)[0]
	var r trouble
	s := lists.Open(state, r.report)
	s.Recall([]string{"f"}, now)
	written := func(at time.Time) bool {
		t.Helper()
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		s.Keep("f", named("x"), at)
		after, err := os.Stat(path)
		return err == nil && !os.SameFile(before, after)
	}
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{time.Hour, false}, {8 * 24 * time.Hour, true}, {9 * 24 * time.Hour, false}} {
		if got := written(now.Add(c.after)); got != c.want {
			t.Errorf("after %v: written: %v, want %v", c.after, got, c.want)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.Keep("f", named("x"), now.Add(9*24*time.Hour))
	if got := files(t, state); len(got) != 1 {
		t.Errorf("after it was removed: got %v, want it back", got)
	}
}

func TestRecall_oldLists_areNothing(t *testing.T) {
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{"f": named("x")})
	for after, want := range map[time.Duration]int{89 * 24 * time.Hour: 1, 91 * 24 * time.Hour: 0, -time.Hour: 1, -48 * time.Hour: 0} {
		var r trouble
		if got := names(t, state, "f", now.Add(after), &r); len(got) != want {
			t.Errorf("%v later: got %v, want %d tools", after, got, want)
		}
		r.want(t, 0, "")
	}
}

// spoil changes the only list of a state folder.
func spoil(change func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(data), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecall_filesThatAreNotWhole_areReportedOnceAndNotUsed(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"empty":                 func([]byte) []byte { return nil },
		"cut":                   func(b []byte) []byte { return b[:len(b)/2] },
		"cut by a byte":         func(b []byte) []byte { return b[:len(b)-1] },
		"another byte":          func(b []byte) []byte { return bytes.Replace(b, []byte("tool"), []byte("Tool"), 1) },
		"another seal":          func(b []byte) []byte { b[12] ^= 1; return b },
		"another time":          func(b []byte) []byte { return bytes.Replace(b, []byte("2026"), []byte("2027"), 1) },
		"a tool more":           func(b []byte) []byte { return bytes.Replace(b, []byte(`]}`), []byte(`,{"name":"evil"}]}`), 1) },
		"zeros":                 func(b []byte) []byte { return make([]byte, len(b)) },
		"a list, and no object": func([]byte) []byte { return []byte("[]") },
		"too large":             func(b []byte) []byte { return append(b, make([]byte, 5<<20)...) },
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			keep(t, state, map[string]*endpoint.Catalog{"f": named("tool")})
			spoil(change)(t, files(t, state)[0])
			var r trouble
			if got := names(t, state, "f", now, &r); len(got) != 0 {
				t.Errorf("got %v, want no tools", got)
			}
			r.want(t, 1, "a kept list is not used")
			keep(t, state, map[string]*endpoint.Catalog{"f": named("new")})
			if got := names(t, state, "f", now, &r); len(got) != 1 || got[0] != "new" {
				t.Errorf("after the server was heard again: got %v, want its new tool", got)
			}
		})
	}
}

func TestRecall_manyBadFiles_areOneReport(t *testing.T) {
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{"a": named("x"), "b": named("x"), "c": named("x")})
	for _, path := range files(t, state) {
		spoil(func(b []byte) []byte { return b[1:] })(t, path)
	}
	var r trouble
	lists.Open(state, r.report).Recall([]string{"a", "b", "c"}, now)
	r.want(t, 1, "(and 2 more)")
}

// A list under the name of another server's is not that server's.
func TestRecall_aListOfAnotherServer_isNotUsed(t *testing.T) {
	state := t.TempDir()
	keep(t, state, map[string]*endpoint.Catalog{"f": named("harmless")})
	mine := files(t, state)[0]
	keep(t, state, map[string]*endpoint.Catalog{"g": named("evil")})
	for _, path := range files(t, state) {
		if path != mine {
			if err := os.Rename(path, mine); err != nil {
				t.Fatal(err)
			}
		}
	}
	var r trouble
	if got := names(t, state, "f", now, &r); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
	r.want(t, 1, "not as it was written")
}

func TestKeep_whereNothingCanBeWritten_isReportedOnce(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "lists"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var r trouble
	s := lists.Open(state, r.report)
	for i := range 3 {
		s.Keep(fmt.Sprint(i), named("x"), now)
	}
	r.want(t, 1, "cannot be kept")
	if err := os.Remove(filepath.Join(state, "lists")); err != nil {
		t.Fatal(err)
	}
	s.Keep("f", named("x"), now)
	if got := names(t, state, "f", now, &r); len(got) != 1 {
		t.Errorf("once it can be written: got %v, want the tool", got)
	}
}

func TestKeep_aListThatIsTooLarge_leavesNoOlderOne(t *testing.T) {
	state := t.TempDir()
	var r trouble
	s := lists.Open(state, r.report)
	s.Keep("f", named("x"), now)
	s.Keep("f", catalog(`{"name":"t0","description":"`+strings.Repeat("x", 4<<20)+`"}`), now)
	if got := files(t, state); len(got) != 0 {
		t.Errorf("got %v, want no file", got)
	}
	r.want(t, 1, "larger than")
}

func TestKey_thatCannotBeUsed_isReplaced(t *testing.T) {
	for name, content := range map[string]string{"short": "x", "empty": "", "long": strings.Repeat("x", 33)} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			keep(t, state, map[string]*endpoint.Catalog{"f": named("x")})
			path := filepath.Join(state, "lists.key")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-time.Minute) // A new one may be on its way.
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			var r trouble
			if got := names(t, state, "f", now, &r); len(got) != 0 {
				t.Errorf("got %v, want nothing", got)
			}
			r.want(t, 1, "lists.key")
			keep(t, state, map[string]*endpoint.Catalog{"f": named("y")})
			if got := names(t, state, "f", now, &r); len(got) != 1 {
				t.Errorf("got %v, want the tool under a new key", got)
			}
		})
	}
}

// A key that another gateway is writing, on a machine that gives it no time, is waited
// for: to replace it would lose what the other one keeps.
func TestKey_thatIsBeingWritten_isWaitedFor(t *testing.T) {
	state := t.TempDir()
	path := filepath.Join(state, "lists.key")
	half := strings.Repeat("k", 16)
	if err := os.WriteFile(path, []byte(half), 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error)
	time.AfterFunc(200*time.Millisecond, func() { written <- os.WriteFile(path, []byte(half+half), 0o600) })
	done := make(chan struct{})
	var r trouble
	go func() {
		defer close(done)
		lists.Open(state, r.report).Keep("f", named("x"), now)
	}()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	<-done
	if got, err := os.ReadFile(path); err != nil || string(got) != half+half {
		t.Errorf("got the key %q (%v), want the one that was on its way", got, err)
	}
	if got := names(t, state, "f", now, &r); len(got) != 1 {
		t.Errorf("got %v, want the tool", got)
	}
	r.want(t, 0, "")
}

func TestKeep_isBoundedInNumberBytesAndAge(t *testing.T) {
	state := t.TempDir()
	folder := filepath.Join(state, "lists")
	var r trouble
	s := lists.Open(state, r.report)
	s.Limit(10, 1<<20)
	s.Keep("f", named("x"), now)
	put := func(name string, size int64, age time.Duration) {
		t.Helper()
		path := filepath.Join(folder, name)
		err := os.WriteFile(path, nil, 0o600)
		err = errors.Join(err, os.Truncate(path, size), os.Chtimes(path, now.Add(-age), now.Add(-age)))
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, number int, size int64) {
		t.Helper()
		got := int64(0)
		all := files(t, state)
		for _, path := range all {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			got += info.Size()
		}
		if len(all) != number || got > size {
			t.Errorf("%s: got %d files of %d bytes, want %d of %d at most", what, len(all), got, number, size)
		}
	}
	put("old"+strings.Repeat("0", 61)+".json", 1, 91*24*time.Hour)
	put("."+strings.Repeat("0", 64)+".json.123", 1, 2*time.Hour)
	put("notes.txt", 1, 1000*24*time.Hour) // Nobody's list: it stays.
	s.Keep("g", named("x"), now)
	want("old ones and drafts", 3, 1<<20)
	for i := range 20 {
		put(fmt.Sprintf("%064d.json", i), 1, time.Duration(i)*time.Minute)
	}
	s.Keep("h", named("x"), now)
	want("too many", 11, 1<<20)
	for i := range 5 {
		put(fmt.Sprintf("%064d.json", i), 300<<10, time.Hour)
	}
	s.Keep("i", named("x"), now)
	want("too large", 10, 1<<20)
	for _, f := range []string{"f", "g", "h", "i"} {
		if got := names(t, state, f, now, &r); len(got) != 1 {
			t.Errorf("%s: got %v, want the newest to be there", f, got)
		}
	}
	r.want(t, 0, "")
}

func TestKeep_twoGatewaysAtATime_loseNothing(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	var r trouble
	stores := []*lists.Store{lists.Open(state, r.report), lists.Open(state, r.report)}
	var all sync.WaitGroup
	var fingerprints []string
	for i := range 40 {
		f := fmt.Sprint(i)
		fingerprints = append(fingerprints, f)
		all.Go(func() { stores[i%2].Keep(f, named("x"), now) })
	}
	all.Wait()
	if got := lists.Open(state, r.report).Recall(fingerprints, now); len(got) != len(fingerprints) {
		t.Errorf("got %d lists, want %d", len(got), len(fingerprints))
	}
	r.want(t, 0, "")
}

// FuzzRecall reads any file under the name of a list: it is not used unless it is
// the one that was written.
func FuzzRecall(f *testing.F) {
	f.Add([]byte(`{"seal":"","list":{}}`))
	f.Add([]byte(`{"seal":"` + strings.Repeat("0", 64) + `","list":{"at":"2026-05-06T07:08:09Z","server":{},"warning":"","tools":[{"name":"x"}]}}` + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		state := t.TempDir()
		keep(t, state, map[string]*endpoint.Catalog{"f": named("x")})
		path := files(t, state)[0]
		was, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		var r trouble
		if got := names(t, state, "f", now, &r); len(got) > 0 && !bytes.Equal(was, content) {
			t.Errorf("got %v from %q, want nothing", got, content)
		}
	})
}
