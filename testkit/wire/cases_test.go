//go:build unix

package wire_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// testCase is one of a file in testdata: a line "# name" and the JSON below it.
type testCase struct{ name, json string }

// cases reads a file of testdata. The JSON keeps its white space.
func cases(t testing.TB, file string) []testCase {
	t.Helper()
	var out []testCase
	for part := range strings.SplitSeq("\n"+testkit.ReadFile(t, filepath.Join("testdata", file)), "\n# ") {
		name, value, _ := strings.Cut(part, "\n")
		if strings.TrimSpace(value) == "" {
			continue
		}
		if !json.Valid([]byte(value)) {
			t.Errorf("%s: %q is not JSON: %s", file, name, value)
			continue
		}
		out = append(out, testCase{name: name, json: value})
	}
	if len(out) < 5 {
		t.Fatalf("got %d cases in %s, want more", len(out), file)
	}
	return out
}
