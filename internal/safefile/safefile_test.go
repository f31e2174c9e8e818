package safefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/safefile"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead_limit_isInclusive(t *testing.T) {
	cases := map[string]struct {
		content string
		limit   int64
		tooBig  bool
	}{
		"an empty file fits in nothing":          {"", 0, false},
		"an empty file fits a negative limit":    {"", -1, false},
		"one byte is too much for limit 0":       {"x", 0, true},
		"a file of exactly the limit is read":    {"12345", 5, false},
		"one byte more than the limit is not":    {"123456", 5, true},
		"a file far below the limit is read":     {"12345", 1 << 20, false},
		"content with zero bytes comes unharmed": {"a\x00b", 10, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := write(t, "f", tc.content)
			got, err := safefile.Read(path, tc.limit)
			if _, tooBig := errors.AsType[*safefile.TooLarge](err); tooBig != tc.tooBig {
				t.Fatalf("got error %v, want too large: %v", err, tc.tooBig)
			}
			if tc.tooBig {
				if got != nil {
					t.Errorf("got %d bytes beside the error, want none", len(got))
				}
				if !strings.Contains(err.Error(), path) {
					t.Errorf("got error %q, want it to name %s", err, path)
				}
				return
			}
			if string(got) != tc.content {
				t.Errorf("got %q, want %q", got, tc.content)
			}
		})
	}
}

func TestRead_symlink_isFollowed(t *testing.T) {
	path := write(t, "f", "hello")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	got, err := safefile.Read(link, 100)
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v; want the content of the link's target", got, err)
	}
}

func TestRead_missingFile_isErrNotExistAndNamesThePathOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nothing-here")
	_, err := safefile.Read(path, 100)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want fs.ErrNotExist", err)
	}
	if n := strings.Count(err.Error(), path); n != 1 {
		t.Errorf("got %q, which names the path %d times, want once", err, n)
	}
}

func TestRead_directory_isRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := safefile.Read(dir, 100)
	if err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want an error that names %s", err, dir)
	}
}

func TestReason_hasNoPath(t *testing.T) {
	large := write(t, "large", "123")
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "missing"): "the file does not exist",
		t.TempDir():                           "it is a directory, not a regular file",
		large:                                 "it is larger than 2 bytes",
	} {
		_, err := safefile.Read(path, 2)
		if err == nil {
			t.Errorf("%s: got no error, want one", path)
			continue
		}
		if got := safefile.Reason(err); got != want {
			t.Errorf("%v: got the reason %q, want %q", err, got, want)
		}
	}
}
