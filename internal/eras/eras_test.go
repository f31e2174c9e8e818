package eras_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/eras"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func want(t *testing.T, s *eras.Store, fingerprint string, era endpoint.Era) {
	t.Helper()
	if got := s.Era(fingerprint); got != era {
		t.Errorf("the era of %s: got %q, want %q", fingerprint, got, era)
	}
}

func TestStore_theNextGatewayKnows(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := eras.Open(dir)
	want(t, s, "a", endpoint.EraUnknown)
	s.Note("a", endpoint.EraInitialize, now)
	s.Note("b", endpoint.EraStateless, now)
	s.Note("c", endpoint.EraStateless, now)
	s.Note("c", endpoint.EraUnknown, now) // It was wrong.
	s.Wait()
	for _, s := range []*eras.Store{s, eras.Open(dir)} {
		want(t, s, "a", endpoint.EraInitialize)
		want(t, s, "b", endpoint.EraStateless)
		want(t, s, "c", endpoint.EraUnknown)
	}
}

func TestStore_twoGateways_learnFromEachOtherAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	one, two := eras.Open(dir), eras.Open(dir)
	one.Note("a", endpoint.EraInitialize, now)
	one.Wait()
	two.Note("b", endpoint.EraStateless, now)
	two.Wait()
	next := eras.Open(dir)
	want(t, next, "a", endpoint.EraInitialize)
	want(t, next, "b", endpoint.EraStateless)
}

func TestStore_onlyItsOwnerMayReadTheFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing there")
	}
	dir := filepath.Join(t.TempDir(), "state")
	s := eras.Open(dir)
	s.Note("a", endpoint.EraInitialize, now)
	s.Wait()
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "eras.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("the mode of %s is %v, want %v", path, got, want)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("the folder holds %v, want one file", files)
	}
}

func TestStore_keepsTheLatestOnes(t *testing.T) {
	dir := t.TempDir()
	content := strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(&content, `,"old%d":{"era":"initialize","at":"2020-01-01T00:00:00Z"}`, i)
	}
	text := "{" + content.String()[1:] + "}"
	if err := os.WriteFile(filepath.Join(dir, "eras.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := eras.Open(dir)
	want(t, s, "old0", endpoint.EraInitialize)
	s.Note("new", endpoint.EraStateless, now)
	s.Wait()
	next := eras.Open(dir)
	want(t, next, "new", endpoint.EraStateless)
	left := 0
	for i := range 1000 {
		if next.Era(fmt.Sprint("old", i)) != endpoint.EraUnknown {
			left++
		}
	}
	if left != 999 {
		t.Errorf("%d of the older ones are left, want 999", left)
	}
}

func TestStore_oddFiles_areNothing(t *testing.T) {
	for name, content := range map[string]string{
		"no JSON": "{", "a list": "[]", "null": "null", "another era": `{"a":{"era":"later"}}`,
		"a name in another case": `{"a":{"ERA":"stateless"}}`, "a server twice": `{"a":{"era":"stateless"},"a":{"era":"stateless"}}`,
		"too large": `"` + strings.Repeat("x", 1<<20) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "eras.json"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			s := eras.Open(dir)
			want(t, s, "a", endpoint.EraUnknown)
			s.Note("b", endpoint.EraStateless, now)
			s.Wait()
			want(t, eras.Open(dir), "b", endpoint.EraStateless)
		})
	}
}

func TestStore_folderThatCannotBeMade_isRememberedForTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := eras.Open(filepath.Join(file, "state"))
	s.Note("a", endpoint.EraInitialize, now)
	s.Wait()
	want(t, s, "a", endpoint.EraInitialize)
}

func TestStore_nil_knowsNothing(t *testing.T) {
	var s *eras.Store
	s.Note("a", endpoint.EraInitialize, now)
	want(t, s, "a", endpoint.EraUnknown)
}

func TestStore_manyAtATime_loseNothing(t *testing.T) {
	dir := t.TempDir()
	s := eras.Open(dir)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() { s.Note(fmt.Sprint(i), endpoint.EraStateless, now) })
	}
	all.Wait()
	s.Wait()
	next := eras.Open(dir)
	for i := range 100 {
		want(t, next, fmt.Sprint(i), endpoint.EraStateless)
	}
}
