package jsonrpc_test

import (
	"bytes"
	"testing"
	"testing/iotest"
)

// FuzzReader holds the reader against a plain split: the same lines, whole up
// to the limit, however they arrive.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a\n\nb\r\nlast"), 3, true)
	f.Add(bytes.Repeat([]byte("x"), 100), 10, false)
	f.Fuzz(func(t *testing.T, input []byte, limit int, byByte bool) {
		limit = 1 + max(limit, -limit)%(64<<10)
		want := bytes.Split(input, []byte("\n"))
		if len(want[len(want)-1]) == 0 {
			want = want[:len(want)-1] // What is behind the last end is no line.
		}
		r := iotest.DataErrReader(bytes.NewReader(input))
		if byByte {
			r = iotest.OneByteReader(r)
		}
		got := readLines(r, limit)
		if len(got) != len(want) {
			t.Fatalf("got %d lines of %q, want %d", len(got), input, len(want))
		}
		for i, line := range got {
			whole := bytes.TrimRight(want[i], "\r")
			if !line.over && !bytes.Equal(line.data, whole) || line.over && len(want[i]) < limit {
				t.Errorf("line %d with a limit of %d: got %q (too long: %v), want %q", i, limit, line.data, line.over, whole)
			}
		}
	})
}
