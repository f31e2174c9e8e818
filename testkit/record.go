package testkit

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// Recorded is one line that the fake server wrote to its --record file.
type Recorded struct {
	Event   string          `json:"event"` // start, stop, call, cancelled
	PID     int             `json:"pid"`
	Tag     string          `json:"tag"`
	Tool    string          `json:"tool"`
	ID      json.RawMessage `json:"id"`      // the call's own "id" argument
	Request json.RawMessage `json:"request"` // the JSON-RPC id
}

// Record reads a --record file; a file that does not exist yet is empty. A
// line that is still being written is left out.
func Record(t testing.TB, path string) []Recorded {
	t.Helper()
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	check(t, err)
	var out []Recorded
	for line := range strings.Lines(string(content)) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var r Recorded
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("bad line in %s: %v: %s", path, err, line)
		}
		out = append(out, r)
	}
	return out
}

// Calls gives the calls in a record by their own id, each with the lines that
// tell of it, in order.
func Calls(record []Recorded) map[string][]Recorded {
	out := map[string][]Recorded{}
	for _, r := range record {
		if r.Event == "call" && r.ID != nil {
			id := strings.Trim(string(r.ID), `"`)
			out[id] = append(out[id], r)
		}
	}
	return out
}
