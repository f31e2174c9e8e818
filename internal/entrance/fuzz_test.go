package entrance_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/textproto"
	"testing"

	"gatehouse/internal/entrance"
)

// However a head is written and arrives: where net/http takes it and sees two
// lengths, so does the door.
func FuzzHead(f *testing.F) {
	for _, head := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\nHost: a\ntransfer-ENCODING:chunked\ncontent-length:1\n\n0\r\n\r\n",
		"\r\nPOST / HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
	} {
		f.Add([]byte(head), 0)
		f.Add([]byte(head), len(head)/2)
	}
	f.Fuzz(func(t *testing.T, request []byte, cut int) {
		if _, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request))); err != nil {
			return
		}
		text := textproto.NewReader(bufio.NewReader(bytes.NewReader(request)))
		if _, err := text.ReadLine(); err != nil {
			t.Fatal(err)
		}
		header, err := text.ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		cut = min(max(cut, 0), len(request))
		ended, both := entrance.TwoLengths(request[:cut], request[cut:])
		if want := header["Content-Length"] != nil && header["Transfer-Encoding"] != nil; !ended || want && !both {
			t.Errorf("%q, cut at %d: got that it ended: %v, and two lengths: %v; want true and %v", request, cut, ended, both, want)
		}
	})
}
