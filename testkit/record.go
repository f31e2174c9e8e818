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
	Event   string          `json:"event"` // start, stop, call, cancelled, message
	PID     int             `json:"pid"`
	Tag     string          `json:"tag"`
	Tool    string          `json:"tool"`
	ID      json.RawMessage `json:"id"`      // the call's own "id" argument
	Request json.RawMessage `json:"request"` // the JSON-RPC id
	Method  string          `json:"method"`  // of a message, with --record-all
	Params  json.RawMessage `json:"params"`
	Proto   string          `json:"proto"` // of a message over HTTP: "HTTP/1.1"
}

// Methods returns the methods of the messages that reached the processes of a
// record, one list for each process, in order.
func Methods(record []Recorded) (runs [][]string) {
	of := map[int]int{}
	for _, r := range record {
		if r.Event == "start" {
			of[r.PID] = len(runs)
			runs = append(runs, nil)
		}
		if i, known := of[r.PID]; known && r.Event == "message" {
			runs[i] = append(runs[i], r.Method)
		}
	}
	return runs
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
			t.Fatalf("bad line in %s: %v, want a record: %s", path, err, line)
		}
		out = append(out, r)
	}
	return out
}

// Calls returns the calls in a record by their own id, each with the lines that
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
