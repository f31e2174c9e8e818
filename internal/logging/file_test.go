package logging_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/logging"
)

func TestFile_isOfBoundedSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := logging.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line := []byte(strings.Repeat("x", 1<<20-1) + "\n")
	for range 35 {
		if _, err := f.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int64{path: 5 << 20, path + ".1": 10 << 20} {
		if info, err := os.Stat(name); err != nil || info.Size() != want || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s: got %v, %v, want %d bytes for its owner", name, info, err, want)
		}
	}
}
