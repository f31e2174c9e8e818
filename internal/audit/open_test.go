package audit_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/audit"
)

func TestOpen_missingFolderAndFile_areMadePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "audit.jsonl")
	l, err := audit.Open(path, audit.Options{Instance: "inst"})
	if err != nil {
		t.Fatal(err)
	}
	l.Append(audit.Record{Tool: "x"})
	closeLog(t, l)
	content, err := os.ReadFile(path)
	if err != nil || len(records(t, string(content))) != 1 {
		t.Errorf("got %q, %v; want one line", content, err)
	}
	if runtime.GOOS == "windows" {
		return // has no modes
	}
	for p, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(p); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v; want mode %v", p, info.Mode(), err, want)
		}
	}
}

func TestOpen_existingFile_isContinued(t *testing.T) {
	cases := map[string]struct{ before, want string }{
		"whole lines stay":                {"{\"v\":1}\n", "{\"v\":1}\n"},
		"a torn line gets its end":        {"{\"v\":1}\n{\"v\":", "{\"v\":1}\n{\"v\":\n"},
		"an empty file needs no new line": {"", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := audit.Open(path, audit.Options{Instance: "inst"})
			if err != nil {
				t.Fatal(err)
			}
			l.Append(audit.Record{Tool: "x"})
			closeLog(t, l)
			content, err := os.ReadFile(path)
			rest, ok := strings.CutPrefix(string(content), tc.want)
			if err != nil || !ok {
				t.Fatalf("got %q, %v; want it to begin with %q", content, err, tc.want)
			}
			if list := records(t, rest); len(list) != 1 || list[0].Tool != "x" {
				t.Errorf("got %q after it, want one line", rest)
			}
		})
	}
}

func TestOpen_nullDevice_turnsTheLogOff(t *testing.T) {
	l, err := audit.Open(os.DevNull, audit.Options{Instance: "inst"})
	if err != nil {
		t.Fatal(err)
	}
	l.Append(audit.Record{})
	closeLog(t, l)
	if l.Lost() != 0 {
		t.Errorf("got %d lost, want none", l.Lost())
	}
}

func TestOpen_impossiblePath_isAnErrorThatNamesIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a folder": t.TempDir(), "below a file": filepath.Join(file, "audit.jsonl")} {
		t.Run(name, func(t *testing.T) {
			if l, err := audit.Open(path, audit.Options{Instance: "inst"}); err == nil || l != nil || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, %v; want an error that names %s", l, err, path)
			}
		})
	}
}

func TestOpen_folderThatCannotBeMade_namesTheLogAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(file, "sub", "audit.jsonl")
	_, err := audit.Open(path, audit.Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot open audit log "+path+": its folder cannot be made: ") || strings.Count(err.Error(), file) != 1 {
		t.Errorf("got %v, want that its folder cannot be made, and the path once", err)
	}
}
