package attach_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/attach"
)

// FuzzHello reads what anything that reaches the socket says first: the same whether
// it comes at once or byte by byte, and nothing behind the line is lost.
func FuzzHello(f *testing.F) {
	f.Add([]byte(`{"gatehouse_attach":1,"version":"v1","files":{"servers":"/a","rules":"/b"},"surface":"gate","drain_ms":1}` + "\n{}\n"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(append(bytes.Repeat([]byte(" "), 70<<10), "{}\n"...))
	f.Fuzz(func(t *testing.T, said []byte) {
		whole, slow := bytes.NewReader(said), bytes.NewReader(said)
		h, rest, err := attach.ReadHello(whole)
		h2, rest2, err2 := attach.ReadHello(iotest.OneByteReader(slow))
		if diff := cmp.Diff(h, h2); diff != "" || (err == nil) != (err2 == nil) {
			t.Fatalf("%q: got %v at once and %v byte by byte, want the same (-at once)\n%s", said, err, err2, diff)
		}
		if err != nil {
			return
		}
		left, _ := io.ReadAll(whole)
		left2, _ := io.ReadAll(slow)
		_, want, _ := bytes.Cut(said, []byte("\n"))
		if got, got2 := append(rest, left...), append(rest2, left2...); !bytes.Equal(got, want) || !bytes.Equal(got2, want) {
			t.Errorf("%q: got %q at once and %q byte by byte, want %q", said, got, got2, want)
		}
	})
}
